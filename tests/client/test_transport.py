"""Tokens that are renewed, and attempts that wait: as the client meets them over a live server."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.client.conftest import Server, serve
from werkzeug.wrappers import Response

from flexmeasures.testing import PASSWORD
from flexmeasures_client import AlreadyStored, Client, NotAuthenticated, RequestRefused, ServerUnavailable
from flexmeasures_client.transport import pause, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from flexmeasures.models import User

BUSY = "503 Service Unavailable"
START = datetime(2015, 6, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def revoke_tokens(app: Flask, user: User) -> None:
    """What a password reset by an admin does to tokens."""
    from flexmeasures.db import writing
    from flexmeasures.models import User as UserTable

    with app.app_context(), writing() as session:
        found = session.get(UserTable, user.id)
        assert found is not None
        found.fs_uniquifier = f"{found.fs_uniquifier[:30]}-new"


def test_one_token_serves_until_it_is_revoked_and_then_a_fresh_one(
    app: Flask, server: Server, client: Client, prosumer: User
) -> None:
    client.connections()
    client.connections()
    assert server.asked.count("POST /api/requestAuthToken") == 1
    revoke_tokens(app, prosumer)
    client.connections()
    assert server.asked.count("POST /api/requestAuthToken") == 2


def test_a_token_that_is_refused_again_is_not_asked_for_for_ever(server: Server, client: Client) -> None:
    server.moods = [("401 Unauthorized", {})] * 2
    with pytest.raises(NotAuthenticated):
        client.connections()
    assert server.asked.count("POST /api/requestAuthToken") == 2


def test_a_busy_server_is_asked_again_after_growing_waits(
    server: Server, client: Client, waits: list[float]
) -> None:
    server.moods = [(BUSY, {})] * 4
    assert client.connections() == []
    assert len(waits) == 4
    assert all(0.25 * 2**k <= wait <= 0.5 * 2**k for k, wait in enumerate(waits))


def test_retry_after_is_kept_to(server: Server, client: Client, waits: list[float]) -> None:
    server.moods = [(BUSY, {"Retry-After": "7"}), ("429 Too Many Requests", {"Retry-After": "0"})]
    client.connections()
    assert waits == [7, 0]


def test_a_retry_after_of_more_than_a_minute_ends_the_attempts(
    server: Server, client: Client, waits: list[float]
) -> None:
    server.moods = [(BUSY, {"Retry-After": "61"})]
    with pytest.raises(ServerUnavailable, match=r"1 attempts.*503 Busy"):
        client.connections()
    assert waits == []


def test_a_server_that_stays_busy_is_given_up(server: Server, client: Client, waits: list[float]) -> None:
    server.moods = [(BUSY, {})] * 6
    with pytest.raises(ServerUnavailable, match="6 attempts"):
        client.connections()
    assert len(waits) == 5


def test_other_errors_of_the_server_are_told_at_once(
    server: Server, client: Client, waits: list[float]
) -> None:
    server.moods = [("500 Internal Server Error", {})]
    with pytest.raises(RequestRefused, match="Busy") as refused:
        client.connections()
    assert (refused.value.http, waits) == (500, [])


def test_a_server_that_starts_late_is_waited_for(app: Flask, prosumer: User) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stops: list[Callable[[], None]] = []
    late = Server(app)

    def start(_: float) -> None:
        if not stops:
            stops.append(serve(late, port))

    with Client(f"http://127.0.0.1:{port}", prosumer.email, PASSWORD, wait=start) as client:
        try:
            assert client.connections() == []
        finally:
            for stop in stops:
                stop()
    assert len(stops) == 1


def test_a_post_whose_answer_was_lost_says_so_when_it_collides(
    server: Server, client: Client, address: str
) -> None:
    values = {"start": START, "resolution": QUARTER, "horizon": timedelta(0)}
    client.post_meter_data(address, [1, 2], **values)  # as if this had been the lost attempt
    server.moods = [("504 Gateway Timeout", {})]
    with pytest.raises(AlreadyStored, match="earlier attempt") as refused:
        client.post_meter_data(address, [1, 2], **values)
    assert refused.value.repeated


def test_what_is_no_flexmeasures_server_is_said() -> None:
    page = httpx.WSGITransport(Response("<html>"))
    client = Client("http://elsewhere", "ada@example.com", "secret", transport=page)
    with client, pytest.raises(ServerUnavailable, match="no JSON"):
        client.connections()


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    read = [
        retry_after(httpx.Response(503, headers={"Retry-After": text})) for text in ("5", later, "soon", "")
    ]
    assert read[0] == 5
    assert 3500 < (read[1] or 0) <= 3600
    assert read[2:] == [None, None]


def test_waits_never_exceed_a_minute() -> None:
    assert max(pause(attempt) for attempt in range(40)) <= 60
