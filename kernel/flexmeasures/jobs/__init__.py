"""Jobs in a table, and the workers that run them."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.jobs.contracts import JobListener as JobListener
    from flexmeasures.jobs.contracts import JobSignal as JobSignal
    from flexmeasures.jobs.contracts import StopNow as StopNow
    from flexmeasures.jobs.contracts import counting as counting
    from flexmeasures.jobs.contracts import stop_all as stop_all
    from flexmeasures.jobs.contracts import stop_asked as stop_asked
    from flexmeasures.jobs.contracts import stoppable as stoppable
    from flexmeasures.jobs.contracts import timed_by as timed_by
    from flexmeasures.jobs.control import cancel as cancel
    from flexmeasures.jobs.control import requeue as requeue
    from flexmeasures.jobs.identity import machine as machine
    from flexmeasures.jobs.identity import worker_name as worker_name
    from flexmeasures.jobs.returning import give_back as give_back
    from flexmeasures.jobs.runner import Outcome as Outcome
    from flexmeasures.jobs.table import QUEUES as QUEUES
    from flexmeasures.jobs.table import clear as clear
    from flexmeasures.jobs.table import counts as counts
    from flexmeasures.jobs.table import enqueue as enqueue
    from flexmeasures.jobs.table import enqueue_all as enqueue_all
    from flexmeasures.jobs.table import newest as newest
    from flexmeasures.jobs.table import queue_names as queue_names
    from flexmeasures.jobs.worker import work as work

__all__, __getattr__ = door(
    __name__,
    {
        "contracts": (
            "JobListener",
            "JobSignal",
            "StopNow",
            "counting",
            "stop_all",
            "stop_asked",
            "stoppable",
            "timed_by",
        ),
        "control": ("cancel", "requeue"),
        "returning": ("give_back",),
        "identity": ("machine", "worker_name"),
        "runner": ("Outcome",),
        "table": (
            "QUEUES",
            "clear",
            "counts",
            "enqueue",
            "enqueue_all",
            "newest",
            "queue_names",
        ),
        "worker": ("work",),
    },
)
