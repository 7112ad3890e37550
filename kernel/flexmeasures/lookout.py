"""A quick look at the job table: an idle worker looks all the time, so a look has to cost next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from flexmeasures.models.jobs import Job, JobState


class Lookout:
    """Tells whether jobs wait in some queues, over a connection of its own without transactions.

    One look takes some microseconds on SQLite; by way of the session it takes hundreds of times as long.
    """

    def __init__(self, engine: Engine, queues: Sequence[str]) -> None:
        waiting = select(Job.id).where(Job.state == JobState.QUEUED, Job.queue.in_(list(queues))).limit(1)
        # The driver is given text without parameters. A percent sign stands for itself then.
        text = str(waiting.compile(engine, compile_kwargs={"literal_binds": True}))
        self._query = text.replace("%%", "%") if engine.dialect.name != "sqlite" else text
        self._engine = engine
        self._connection: Any = None

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
