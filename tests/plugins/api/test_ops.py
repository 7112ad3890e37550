"""The endpoints of operations (contract 14.9), and the decorator of tasks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from flexmeasures.data.transactional import report_task_run, task_with_status_report

if TYPE_CHECKING:
    from flask import Flask
    from tests.plugins.conftest import World

URL = "/api/ops/getLatestTaskRun"


@pytest.fixture
def watcher(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The headers of who watches over tasks."""
    monkeypatch.setitem(app.config, "FLEXMEASURES_TASK_CHECK_AUTH_TOKEN", "watch")
    return {app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]: "watch"}


@pytest.mark.contract("14.9", "23.3")
def test_a_posted_run_is_told_to_who_has_the_token(
    app: Flask, world: World, watcher: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, admin = app.test_client(), world.clients["admin"].headers
    form = {"name": "import", "status": "True", "datetime": "2026-11-22T10:00:00+01:00"}
    assert client.post("/api/ops/postLatestTaskRun", data=form, headers=admin).json == {"status": "OK"}
    monkeypatch.setitem(app.config, "MONITOR_FREQUENCY_IMPORT", 60)
    answer = client.get(URL, query_string={"name": "import"}, headers=watcher)
    assert (answer.status_code, answer.json) == (
        200,
        {
            "status": "OK",
            "reason": "",
            "lastrun": "2026-11-22T09:00:00Z",
            "frequency": 60,
            "process": "FlexMeasures",
            "server": "test",
        },
    )
    client.post("/api/ops/postLatestTaskRun", data=form | {"status": "False"}, headers=admin)
    failed = client.get(URL, query_string={"name": "import"}, headers=watcher)
    assert (failed.status_code, failed.json["status"]) == (200, "ERROR")  # type: ignore[index]


@pytest.mark.contract("14.9")
def test_who_watches_is_told_what_is_missing(app: Flask, watcher: dict[str, str]) -> None:
    client = app.test_client()
    wrong = dict.fromkeys(watcher, "guess")
    for headers, query, code in (
        ({}, {"name": "import"}, 401),
        (wrong, {"name": "import"}, 403),
        (watcher, {}, 400),
        (watcher, {"name": "nobody knows"}, 404),
        (watcher, {"name": "nul \0"}, 404),
    ):
        answer = client.get(URL, query_string=query, headers=headers)
        assert (answer.status_code, answer.json["status"]) == (code, "ERROR")  # type: ignore[index]


def test_without_a_configured_token_nobody_is_told(app: Flask) -> None:
    header = app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    for sent in ("", "None"):
        assert app.test_client().get(URL, headers={header: sent}).status_code == 403


@pytest.mark.contract("14.9")
@pytest.mark.parametrize(
    ("form", "code"), [({}, 400), ({"name": "x" * 81}, 400), ({"name": "import", "datetime": "soon"}, 400)]
)
def test_bad_runs_are_refused(form: dict[str, str], code: int, world: World) -> None:
    admin = world.clients["admin"]
    assert (
        admin.client.post("/api/ops/postLatestTaskRun", data=form, headers=admin.headers).status_code == code
    )
    prosumer = world.clients["prosumer"]
    url, good = "/api/ops/postLatestTaskRun", {"name": "import"}
    assert prosumer.client.post(url, data=good, headers=prosumer.headers).status_code == 403
    assert prosumer.client.post(url, data=good).status_code == 401


def test_a_decorated_task_is_noted_bare_or_named_whether_it_succeeds_or_not(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import LatestTaskRun

    @task_with_status_report
    def bare(number: int) -> int:
        return number + 1

    @task_with_status_report("a-name")
    def failing() -> Any:
        raise ZeroDivisionError

    with app.app_context():
        assert bare(1) == 2
        with pytest.raises(ZeroDivisionError):
            failing()
        assert db.session.get_one(LatestTaskRun, "bare").status
        assert not db.session.get_one(LatestTaskRun, "a-name").status
        report_task_run("a-name", True, datetime(2026, 1, 1, tzinfo=UTC))
        db.session.expire_all()
        assert db.session.get_one(LatestTaskRun, "a-name").datetime == datetime(2026, 1, 1, tzinfo=UTC)
    assert "Reported task bare status as True" in capsys.readouterr().out


def test_first_runs_of_a_task_that_end_at_the_same_moment_are_all_noted(app: Flask) -> None:
    from threading import Barrier

    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import LatestTaskRun

    start = Barrier(4)

    def report(k: int) -> None:
        with app.app_context():
            start.wait()
            report_task_run(f"new-{k % 2}", True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(report, range(4)))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(LatestTaskRun)) == 2
