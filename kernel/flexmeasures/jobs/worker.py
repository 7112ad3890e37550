"""The life of a worker: hear of a job, claim its row, run it; and once a second see to what was forgotten.

With Redis a worker hears the bell, otherwise it looks at the table; both end in the same claim. Once a second
each worker looks at the table in any case, so that a bell that is silent delays a job by no more than that.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import current_app

from flexmeasures.db import db, is_of_database, log_outage, reason_of
from flexmeasures.jobs import claiming, runner
from flexmeasures.jobs.contracts import JobListener, JobSignal
from flexmeasures.jobs.identity import worker_name
from flexmeasures.jobs.leases import hand_back
from flexmeasures.jobs.polling import TablePoller
from flexmeasures.jobs.returning import give_back, sweep
from flexmeasures.jobs.table import queue_names
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.models.jobs import Job


SWEEP_EVERY = timedelta(seconds=1)
PAUSE = 0.1  # seconds; a worker that listens in vain for so long asks whether to stop
TABLE = JobSignal()

log = logging.getLogger(__name__)


def work(
    queues: Sequence[str] | None = None,
    name: str | None = None,
    *,
    burst: bool = False,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Run jobs until `stopping()` (asked between jobs), or with `burst` until none waits; how many were run.

    queues: None for all. Each job has an app context, and so a session, of its own. Expired leases of any
    worker are swept every second, and recurring jobs are asked for when they are due. A database that is away
    is waited for, unless in a burst.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    name = name or worker_name()
    queues = queue_names() if queues is None else queues
    done, next_sweep, trouble, worked = 0, 0.0, "", False
    claimed: Job | None = None  # with the end of the job before
    with closing(_ears(queues, name)) as ears:
        while not stopping():
            sweeps = time.monotonic() >= next_sweep
            looks = sweeps or burst or claimed is not None or (worked and ears.is_deaf)
            call = TABLE if looks else ears.listen(PAUSE)
            worked = False
            if call is None:
                continue
            if sweeps:
                next_sweep = time.monotonic() + SWEEP_EVERY.total_seconds()
            try:
                worked, claimed = _work_once(app, queues, name, call, sweeps, trouble, claimed)
            except Exception as error:
                if burst or not is_of_database(error):
                    raise
                log_outage(log, f"Worker {name}", error)
                trouble = reason_of(error)
                claimed = None  # what is left by the trouble is given back
                time.sleep(1)
                continue
            trouble = ""
            done += worked
            if burst and not worked:
                break
        if claimed is not None:
            with app.app_context():
                hand_back(claimed.id, claimed.lease_token)
    return done


def _ears(queues: Sequence[str], name: str) -> JobListener:
    bell = runtime().notifier
    return TablePoller(db.engine, queues) if bell is None else bell.listener(queues, name)


def _work_once(
    app: Flask,
    queues: Sequence[str],
    name: str,
    call: JobSignal,
    sweeps: bool,
    trouble: str,
    claimed: Job | None,
) -> tuple[bool, Job | None]:
    """Run the job that was claimed, else that of a call if it still waits, in an app context of its own.

    After trouble, what that left is given back first. Gives whether there was a job, and the one that was
    claimed with its end: not with Redis, where the rings of jobs that are done so would be in the way of others.
    """
    with app.app_context():
        if trouble:
            give_back([name], f"the database failed: {trouble}")
        if sweeps:
            sweep()
        if claimed is not None:
            db.session.add(claimed)
        job = claimed or claiming.claim(queues, name, call.job_id, look_first=call is TABLE)
        with call.answered_by(job):
            next_of = queues if runtime().notifier is None else ()
            following = None if job is None else runner.run(job, next_of)
        return job is not None, following
