"""A quick look at the job table: an idle worker looks all the time, so a look has to cost next to nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from flexmeasures.jobs.contracts import JobSignal
from flexmeasures.models.jobs import Job, JobState

# Seconds between two looks at the table, when work was just done and after a while of idleness.
WAITS = {"sqlite": (0.002, 0.01), "postgresql": (0.004, 0.05)}
SLACKENING = 1.02


class TablePoller:
    """Tells whether jobs wait in some queues, over a connection of its own without transactions.

    One look takes some microseconds on SQLite; by way of the session it takes hundreds of times as long.
    """

    is_deaf = False

    def __init__(self, engine: Engine, queues: Sequence[str]) -> None:
        waiting = select(Job.id).where(Job.state == JobState.QUEUED, Job.queue.in_(list(queues)))
        # A job between two attempts is none that waits; the sweep of each second sees when it is due.
        waiting = waiting.where(Job.not_before.is_(None)).limit(1)
        # The driver is given text without parameters. A percent sign stands for itself then.
        text = str(waiting.compile(engine, compile_kwargs={"literal_binds": True}))
        self._query = text.replace("%%", "%") if engine.dialect.name != "sqlite" else text
        self._engine = engine
        self._connection: Any = None
        self._shortest, self._longest = WAITS[engine.dialect.name]
        self._wait = self._shortest

    def listen(self, seconds: float) -> JobSignal | None:
        """A call as soon as a job waits; None when none came within the time."""
        end = time.monotonic() + seconds
        while not self.is_waiting():
            if time.monotonic() >= end:
                return None
            time.sleep(self._wait)
            self._wait = min(self._longest, self._wait * SLACKENING)
        self._wait = self._shortest
        return JobSignal()

    def is_waiting(self) -> bool:
        """Whether a job waits. True also when the database cannot tell: who then asks it will hear why."""
        driver = self._engine.dialect.loaded_dbapi
        try:
            if self._connection is None:
                self._connection = self._connect()
            cursor = self._connection.execute(self._query)
            found = cursor.fetchone() is not None
            cursor.close()  # on SQLite an open cursor would hold on to an old state of the database
        except (driver.Error, OSError):
            self.close()
            return True
        return found

    def close(self) -> None:
        """Give the connection up; the next look makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection = pooled.driver_connection
        pooled.detach()
        if self._engine.dialect.name != "sqlite":  # SQLite's connections are set so already, see db.py
            connection.autocommit = True  # type: ignore[union-attr]
        return connection
