"""A PostgreSQL that hangs instead of refusing: requests end soon, and go on when it does."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from chaos import COMMAND, Chaos, Service, answers, until
from chaos_load import World
from loss import kill_all
from servers import OwnPostgreSQL, OwnRedis

pytestmark = [
    pytest.mark.skipif(bool(OwnPostgreSQL.missing()), reason=OwnPostgreSQL.missing()),
    pytest.mark.skipif(bool(OwnRedis.missing()), reason=OwnRedis.missing()),
]
POST = {"type": "PostMeterDataRequest", "start": "2025-01-01T00:00:00+00:00", "duration": "PT15M"}
POST |= {"horizon": "PT0M", "unit": "MW"}


class Server:
    """`flexmeasures run` on a PostgreSQL and a Redis of its own."""

    def __init__(self, stack: ExitStack) -> None:
        self.chaos = Chaos("postgresql-redis", 1, 0)
        self.chaos._start_servers(stack)
        app = self.chaos._make_app(stack)
        self.world: World = self.chaos._make_world(app)
        command = [COMMAND, "run", "--port", self.world.address.rpartition(":")[2], "--workers", "1"]
        web = Service("run", command, self.chaos.surroundings(), self.chaos.notes)
        stack.callback(kill_all, web)
        assert until(lambda: answers(self.world))
        assert self.chaos.postgresql is not None
        assert self.chaos.redis is not None
        self.postgresql, self.redis = self.chaos.postgresql, self.chaos.redis

    def post(self, value: float) -> tuple[int, Any, float]:
        """Status, Retry-After, and how long it took."""
        begin = time.monotonic()
        message = POST | {"connection": self.world.connection(self.world.buildings[0]), "value": value}
        status, _, headers = self.world.ask("POST", "postMeterData", message)
        return status, headers and headers.get("Retry-After"), time.monotonic() - begin

    def health(self) -> tuple[int, dict[str, Any], float]:
        import json
        from urllib.error import HTTPError
        from urllib.request import ProxyHandler, build_opener

        begin = time.monotonic()
        try:
            with build_opener(ProxyHandler({})).open(f"{self.world.address}/health", timeout=20) as answer:
                return answer.status, json.load(answer)["parts"], time.monotonic() - begin
        except HTTPError as error:
            return error.code, json.loads(error.read())["parts"], time.monotonic() - begin


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with ExitStack() as stack:
        yield Server(stack)


def test_requests_end_with_503_while_the_database_hangs_and_work_again_afterwards(server: Server) -> None:
    assert server.post(0.1)[0] == 200
    server.postgresql.signal(signal.SIGSTOP)
    try:
        found = [server.post(0.2) for _ in range(2)]
        health = server.health()
    finally:
        server.postgresql.signal(signal.SIGCONT)
    assert [(status, retry_after) for status, retry_after, _ in found] == [(503, "5")] * 2
    assert max(seconds for *_, seconds in found) < 5
    assert health[0] == 503
    assert health[1]["database"]["ok"] is False
    assert health[1]["redis"] == {"ok": True}
    assert health[2] < 2
    assert until(lambda: server.post(0.2)[0] in (200, 400), 20)  # 400: it was stored after all
    assert until(lambda: server.health()[0] == 200, 20)


def test_health_tells_of_a_redis_that_hangs(server: Server) -> None:
    server.redis.signal(signal.SIGSTOP)
    try:
        status, parts, seconds = server.health()
    finally:
        server.redis.signal(signal.SIGCONT)
    assert (status, parts["redis"]["ok"], parts["database"]["ok"]) == (200, False, True)
    assert "workers look for jobs in the database" in parts["redis"]["detail"]
    assert seconds < 2


def test_a_request_does_not_wait_for_a_lock_that_another_transaction_holds(server: Server) -> None:
    with psycopg.connect(server.postgresql.uri) as other:
        other.execute("LOCK TABLE belief IN ACCESS EXCLUSIVE MODE")
        status, retry_after, seconds = server.post(0.3)
        assert (status, retry_after) == (503, "5")
        assert seconds < 5
    assert until(lambda: server.post(0.3)[0] in (200, 400), 20)


def test_a_statement_that_works_for_long_is_left_alone(server: Server, monkeypatch: Any) -> None:
    from flask import Flask

    from flexmeasures.db import postgresql

    monkeypatch.setattr(postgresql, "SILENT_AFTER", 0.2)
    app = Flask("requests")
    with app.test_request_context(), postgresql.connect([server.postgresql.uri], {}) as connection:
        connection.parameters = {"conninfo": server.postgresql.uri}
        assert connection.execute("SELECT pg_sleep(1)").fetchone() is not None


def test_without_a_request_a_statement_waits_until_the_database_goes_on(server: Server) -> None:
    from flexmeasures.db import postgresql

    with postgresql.connect([server.postgresql.uri], {}) as connection:
        server.postgresql.signal(signal.SIGSTOP)
        later = threading.Timer(3.0, server.postgresql.signal, [signal.SIGCONT])
        later.start()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        later.join()
