"""RQ on Redis as the bell of the job table: it tells workers on any machine at once that a job waits.

The row stays the truth. RQ carries its id and nothing else; whoever hears it claims the row, so that a ring
which is lost, late or heard twice does no harm: workers look at the table once a second besides. While Redis
is away nobody waits for it: one failure keeps the bell silent for some seconds. Imported only when one of
FLEXMEASURES_REDIS_* is set.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import socket
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout, InvalidJobOperation, NoSuchJobError
from rq.job import Job as Ring
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures.errors import JobError, SettingsError
from flexmeasures.jobs import JobSignal
from flexmeasures.models.jobs import Job, JobState

if TYPE_CHECKING:
    from redis.client import Pipeline

log = logging.getLogger(__name__)

PATIENCE = 0.3  # seconds that a web request gives Redis to connect, and to answer
SILENCE = 5.0  # seconds without ringing after a failure
DEAFNESS = 2.0  # seconds until a worker tries again to listen
BLOCK = 0.5  # seconds that one listening takes; a worker asked to stop notices after that
WAITS = timedelta(days=1)  # how long a ring waits; the sweep and the table outlast it
KEPT = timedelta(hours=1)  # how long RQ shows failed jobs; the table has them for good
ONE_SWEEP = 1  # seconds in which one worker rings again, for all
BEAT_EVERY = 10.0  # seconds between two signs of life for RQ's dashboard

_TROUBLE = (RedisError, OSError, SQLAlchemyError)
# What RQ raises when Redis was emptied meanwhile, or holds what is not ours.
_GONE = (InvalidJobOperation, NoSuchJobError, ValueError, KeyError, AttributeError)


def run_by_flexmeasures_worker(job_id: int) -> None:
    """What RQ believes to run. Our workers only look at the id; a plain `rq worker` gets to know who they are."""
    raise JobError(f"Job {job_id} is for the workers of FlexMeasures: flexmeasures jobs run-worker")


def connect(settings: Mapping[str, Any], **timeouts: float) -> Redis:
    """A client for the Redis of the settings that does not try again by itself; it connects when first used.

    FLEXMEASURES_REDIS_URL is a host, the path of a unix socket, or a whole redis://, rediss:// or unix:// URL.
    """
    place = str(settings["FLEXMEASURES_REDIS_URL"])
    options: dict[str, Any] = {
        "db": settings["FLEXMEASURES_REDIS_DB_NR"],
        "password": settings["FLEXMEASURES_REDIS_PASSWORD"],
        "retry": Retry(NoBackoff(), 0),
        **timeouts,
    }
    if "://" not in place:
        if place.startswith("/"):
            return Redis(unix_socket_path=place, **options)
        return Redis(host=place, port=settings["FLEXMEASURES_REDIS_PORT"], **options)
    try:
        client: Redis = Redis.from_url(place, **options)
    except ValueError as error:
        accepted = "a host, the path of a unix socket, or redis://, rediss:// or unix:// with its rest"
        raise SettingsError(f"FLEXMEASURES_REDIS_URL: {error}. Accepted: {accepted}.") from None
    return client


def instance_id(engine: Engine) -> str:
    """Eight letters that stand for this database, the same on every machine that works with it.

    On PostgreSQL they are derived from the identity of the server's data and of the database in it, so that
    a copy of the database has others; on SQLite from host and file.
    """
    if engine.dialect.name == "sqlite":
        facts = f"{socket.gethostname()}:{engine.url.database}"
    else:
        query = "SELECT system_identifier, oid FROM pg_control_system(), pg_database"
        with engine.connect() as connection:
            found = connection.execute(text(f"{query} WHERE datname = current_database()")).one()
        facts = f"{found.system_identifier}:{found.oid}"
    return hashlib.sha256(facts.encode()).hexdigest()[:8]


class RedisNotifier:
    """The bell of one app, for web requests, commands and workers."""

    def __init__(self, settings: Mapping[str, Any], engine: Callable[[], Engine]) -> None:
        self._settings, self._engine = settings, engine
        self.connection = connect(settings, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
        self._id: str | None = None
        self._silent_until = 0.0

    def name_of(self, queue: str) -> str:
        """The name of a queue in Redis, which other instances may use as well."""
        if self._id is None:
            self._id = instance_id(self._engine())
        return f"flexmeasures-{self._id}-{queue}"

    def ring(self, jobs: Iterable[Job]) -> None:
        """Tell workers that these jobs wait, in one round trip. Never raises, and is quick when Redis is away."""
        by_queue: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            by_queue[job.queue].append(job)
        with self._unless_silent() as is_silent:
            if by_queue and not is_silent:
                with self.connection.pipeline(transaction=False) as pipeline:
                    for name, found in by_queue.items():
                        self._queue(name).enqueue_many([self._data(job) for job in found], pipeline=pipeline)
                    pipeline.execute()

    def ring_again(self, waiting: Collection[Job]) -> None:
        """Ring for those of the waiting jobs that RQ does not carry (any more); one worker a second does it."""
        missing: list[Job] = []
        with self._unless_silent() as is_silent:
            if is_silent or not waiting:
                return
            if not self.connection.set(f"{self.name_of('sweep')}", 1, nx=True, ex=ONE_SWEEP):
                return
            carried: dict[str, set[int]] = {}
            for job in waiting:
                if job.queue not in carried:
                    carried[job.queue] = self._carried(job.queue)
                if job.id not in carried[job.queue]:
                    missing.append(job)
        self.ring(missing)

    def silence(self, queue: str) -> None:
        """Take the rings of a queue out of Redis."""
        with self._unless_silent() as is_silent:
            if not is_silent:
                self._queue(queue).empty()  # type: ignore[no-untyped-call]

    def listener(self, queues: Sequence[str], worker: str) -> Listener:
        """What a worker of these queues listens by."""
        return Listener(self, queues, worker)

    def for_worker(self) -> Redis:
        """A client that may be blocked by listening, but not for much longer."""
        return connect(self._settings, socket_connect_timeout=PATIENCE, socket_timeout=BLOCK + 1)

    def answers(self) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(self.connection.ping())
        except _TROUBLE:
            return False

    @contextmanager
    def _unless_silent(self) -> Iterator[bool]:
        """Whether to keep silent; a failure inside is logged, and makes the bell silent for a while."""
        is_silent = time.monotonic() < self._silent_until
        try:
            yield is_silent
        except _TROUBLE as error:
            self._silent_until = time.monotonic() + SILENCE
            log.warning("Redis cannot be used: %s. Workers find their jobs by looking at the table.", error)

    def _queue(self, name: str) -> Queue:
        return Queue(self.name_of(name), connection=self.connection, serializer=JSONSerializer)

    def _data(self, job: Job) -> Any:
        parts = [("sensor", job.sensor_id), ("event", job.event_id)]
        about = ", ".join(f"{what} {number}" for what, number in parts if number is not None)
        return Queue.prepare_data(
            f"{__name__}.{run_by_flexmeasures_worker.__name__}",
            args=(job.id,),
            kwargs={},
            timeout=int(self._settings["FLEXMEASURES_JOB_TIMEOUT"].total_seconds()) + 1,
            ttl=int(WAITS.total_seconds()),
            result_ttl=0,
            failure_ttl=int(KEPT.total_seconds()),
            description=f"{job.function}, job {job.id}" + (f" ({about})" if about else ""),
            job_id=f"{job.id}-{secrets.token_hex(4)}",
        )

    def _carried(self, name: str) -> set[int]:
        """Ids of the rows that RQ carries in the queue, or has just taken out of it."""
        queue = self._queue(name)
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrange(queue.key, 0, -1)
            pipeline.lrange(queue.intermediate_queue_key, 0, -1)
            lists = pipeline.execute()
        return {row_id(ring.decode()) for rings in lists for ring in rings}


def row_id(ring_id: str) -> int:
    """The id of the row in the id of a ring; -1 for what is not ours."""
    number = ring_id.partition("-")[0]
    return int(number) if number.isdecimal() else -1


# -- workers ---------------------------------------------------------------------------------------------


class _Presence(SimpleWorker):
    """A worker as RQ's dashboard shows it. It never runs anything: `flexmeasures.jobs.worker` does."""

    def _set_connection(self, connection: Redis) -> Redis:
        return connection  # RQ would let it wait for Redis for minutes

    def procline(self, message: str) -> None:
        """Leave the name of the process alone."""


class Listener:
    """The bell as a worker hears it."""

    def __init__(self, bell: RedisNotifier, queues: Sequence[str], worker: str) -> None:
        self._bell, self._worker = bell, worker
        self._names = deque(queues)
        self._presence: _Presence | None = None
        self._connection = bell.for_worker()
        self._deaf_until = self._next_beat = 0.0
        self.is_deaf = False

    def listen(self, seconds: float) -> JobSignal | None:
        """The next ring; None when there was none for a moment, or when Redis is away."""
        if time.monotonic() < self._deaf_until:
            time.sleep(seconds)
            return None
        try:
            call = self._next()
        except _TROUBLE as error:
            if not self.is_deaf:
                log.warning(
                    "Worker %s cannot listen to Redis and looks at the table: %s", self._worker, error
                )
            self.is_deaf, self._deaf_until = True, time.monotonic() + DEAFNESS
            self._presence = None
            return None
        except _GONE as error:
            log.warning("A ring in Redis cannot be read, and is passed over: %s", error)
            return None
        if self.is_deaf:
            log.warning("Worker %s hears Redis again.", self._worker)
            self.is_deaf = False
        return call

    def _next(self) -> JobSignal | None:
        if self._presence is None:
            self._presence = self._arrive()
        presence = self._presence
        self._names.rotate(-1)  # so that no queue starves behind another
        queues = sorted(presence.queues, key=lambda queue: self._order[queue.name])
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + BEAT_EVERY
            presence.heartbeat()
        try:
            found = Queue.dequeue_any(queues, BLOCK, self._connection, serializer=JSONSerializer)  # type: ignore[arg-type]  # Redis takes fractions
        except DequeueTimeout:
            return None
        return None if found is None else RedisSignal(presence, *found)

    @property
    def _order(self) -> dict[str, int]:
        return {self._bell.name_of(name): place for place, name in enumerate(self._names)}

    def _arrive(self) -> _Presence:
        # RQ refuses the name of a worker that died without a word, so each has one of its own.
        name = f"{self._worker}-{secrets.token_hex(3)}"
        queues = [
            Queue(self._bell.name_of(name), connection=self._connection, serializer=JSONSerializer)
            for name in self._names
        ]
        presence = _Presence(queues, name=name, connection=self._connection, serializer=JSONSerializer)
        presence.register_birth()  # type: ignore[no-untyped-call]
        presence.set_state("idle")
        return presence

    def close(self) -> None:
        """Say goodbye to RQ, if it is there."""
        with suppress(*_TROUBLE):
            if self._presence is not None:
                self._presence.register_death()  # type: ignore[no-untyped-call]
        self._connection.close()


class RedisSignal(JobSignal):
    """A call by the bell: it names the row, and RQ is told what becomes of it."""

    def __init__(self, presence: _Presence, ring: Ring, queue: Queue) -> None:
        self._presence, self._ring, self._queue = presence, ring, queue
        self.job_id = row_id(ring.id)

    @contextmanager
    def answered_by(self, job: Job | None) -> Iterator[None]:
        """Let RQ show the job as started while the block runs, and as failed if it did; else forget the ring."""
        presence, ring = self._presence, self._ring
        execution: Any = None
        with self._forgiving() as pipeline:
            pipeline.lrem(self._queue.intermediate_queue_key, 1, ring.id)
            presence.set_state("idle" if job is None else "busy", pipeline)
            pipeline.execute()
            if job is not None:
                execution = presence.prepare_execution(ring)
                presence.prepare_job_execution(ring)
        yield
        with self._forgiving() as pipeline:
            if job is not None and job.state == JobState.FAILED and execution is not None:
                presence.handle_job_failure(ring, self._queue, exc_string=job.error, execution=execution)
            else:
                if execution is not None:
                    presence.cleanup_execution(ring, pipeline, execution=execution)
                ring.delete(pipeline=pipeline, remove_from_queue=False)
            presence.set_state("idle", pipeline)
            pipeline.execute()

    @contextmanager
    def _forgiving(self) -> Iterator[Pipeline]:
        """What RQ is told is for those who look on: if it fails, the job does not."""
        try:
            with self._presence.connection.pipeline(transaction=False) as pipeline:
                yield pipeline
        except (*_TROUBLE, *_GONE) as error:
            log.warning("Redis does not take note of job %s: %s", self.job_id, error)
