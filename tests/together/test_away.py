"""A database that goes away, or has no room left: a clear answer, nothing by half, and no restart afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from servers import OwnPostgreSQL
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError

import flexmeasures_master_data as master_data
from flexmeasures import auth, sources
from flexmeasures.auth import new_token
from flexmeasures.db import db, is_away, writing
from flexmeasures.jobs import Outcome, enqueue, work
from flexmeasures.models import Job, JobState, Market, Source
from flexmeasures.testing import make_app, seed_structure

Post = Callable[[str, int], Any]


@pytest.fixture
def cluster() -> Iterator[OwnPostgreSQL]:
    reason = OwnPostgreSQL.missing()
    if reason:
        pytest.skip(f"NOT TESTED: PostgreSQL that goes away, because {reason}")
    server = OwnPostgreSQL()
    yield server
    server.close()


@pytest.fixture
def on_postgresql(cluster: OwnPostgreSQL, tmp_path: Any) -> Iterator[Flask]:
    yield from _app(tmp_path, SQLALCHEMY_DATABASE_URI=cluster.uri)


@pytest.fixture
def on_sqlite(tmp_path: Any) -> Iterator[Flask]:
    yield from _app(tmp_path)


def _app(folder: Any, **settings: Any) -> Iterator[Flask]:
    app = make_app(folder, FLEXMEASURES_JOBS="", **settings)
    with app.app_context():
        seed_structure()
    yield app
    with app.app_context():
        db.engine.dispose()


def poster(app: Flask) -> Post:
    """post(start of the day, number of values) sends measurements of a building."""
    with app.app_context(), writing() as session:
        user = auth.create_user("prosumer", "prosumer@example.com", "a-password", ["Prosumer"])
        session.flush()
        market = session.scalar(select(Market.id))
        fields = {"asset_type_name": "building", "unit": "MW", "event_resolution": 15, "capacity_in_mw": 2}
        place = {"latitude": 52.4, "longitude": 4.9, "owner_id": user.id, "market_id": market}
        asset = master_data.create_asset({"name": "building"} | fields | place)
        session.flush()
        headers = {"Authorization": new_token(user)}
        connection = f"ea1.2021-01.io.flexmeasures:{user.id}:{asset.id}"

    def post(year: int, values: int) -> Any:
        message = {
            "type": "PostMeterDataRequest",
            "connection": connection,
            "values": [0.5] * values,
            "start": f"{year}-01-01T00:00:00Z",
            "duration": f"PT{15 * values}M",
            "horizon": "PT0M",
            "unit": "MW",
        }
        return app.test_client().post("/api/v2_0/postMeterData", json=message, headers=headers)

    return post


def number(app: Flask) -> int:
    """How many values of users are stored."""
    with app.app_context():
        query = "SELECT count(*) FROM belief JOIN source ON source.id = source_id WHERE type = 'user'"
        return int(db.session.execute(text(query)).scalar_one())


def test_while_postgresql_is_away_requests_get_503_and_afterwards_all_is_well(
    on_postgresql: Flask, cluster: OwnPostgreSQL
) -> None:
    app, post = on_postgresql, poster(on_postgresql)
    assert post(2021, 4).status_code == 200
    cluster.kill()
    for _ in range(2):  # the first finds its connections dead, the second can make no new one
        refused = post(2022, 4)
        assert (refused.status_code, refused.json["status"]) == (503, 503)
        assert "does not answer" in refused.json["message"]
        assert int(refused.headers["Retry-After"]) > 0
    assert app.test_client().get("/health").status_code == 503
    cluster.start()
    assert number(app) == 4
    assert post(2022, 4).status_code == 200
    assert number(app) == 8
    assert app.test_client().get("/health").status_code == 200


def test_while_postgresql_is_away_a_page_for_who_is_logged_in_is_a_503_and_not_the_login(
    on_postgresql: Flask, cluster: OwnPostgreSQL, as_user: Callable[..., Any]
) -> None:
    with on_postgresql.app_context(), writing():
        user = auth.create_user("visitor", "visitor@example.com", "a-long-password", ["Prosumer"])
    client = on_postgresql.test_client()
    with as_user(client, user):
        assert client.get("/").status_code in (200, 302)
        cluster.kill()
        refused = client.get("/")
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "Traceback" not in refused.text
        cluster.start()
        assert client.get("/").status_code in (200, 302)


@pytest.mark.parametrize("name", ["on_sqlite", "on_postgresql"])
def test_a_fault_in_a_statement_is_not_taken_for_a_database_that_is_away(
    name: str, request: pytest.FixtureRequest
) -> None:
    app: Flask = request.getfixturevalue(name)
    with app.app_context():
        with pytest.raises(DBAPIError) as fault:
            db.session.execute(text("SELECT * FROM nowhere"))
        assert not is_away(fault.value)
        driver = db.engine.dialect.loaded_dbapi
        assert is_away(driver.OperationalError("connection lost in COPY, which speaks to the driver"))
        assert not is_away(ValueError("no matter of the database"))


def test_a_connection_that_dies_within_a_request_leaves_nothing_of_it(
    on_postgresql: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures import beliefs

    app, post = on_postgresql, poster(on_postgresql)
    store = beliefs.store

    def cut_off(*arguments: Any, **options: Any) -> Any:
        stored = store(*arguments, **options)
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
            mine = db.session.scalar(text("SELECT pg_backend_pid()"))
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
        return stored

    monkeypatch.setattr(beliefs, "store", cut_off)
    assert post(2021, 4).status_code == 503
    monkeypatch.setattr(beliefs, "store", store)
    assert number(app) == 0
    assert post(2021, 4).status_code == 200


def test_a_job_under_which_the_database_goes_away_is_run_again_and_not_failed(
    on_postgresql: Flask, cluster: OwnPostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = on_postgresql
    runs: list[int] = []

    def store(job: Job) -> None:
        runs.append(job.attempt)
        assert len(runs) <= 3, f"the attempts are not counted: {runs}"
        sources.get_source(f"attempt {job.attempt}", "script")
        if job.attempt == 1:
            cluster.kill()
            cluster.start()

    def lose_the_database(job: Job) -> Outcome:
        return Outcome(result={"attempt": job.attempt}, store=store)

    monkeypatch.setitem(app.extensions["flexmeasures"].job_functions, "lose", lose_the_database)
    with app.app_context():
        with writing():
            job_id = enqueue("lose", {}, queue="scheduling").id
        work(["scheduling"], stopping=lambda: _state(app, job_id) in (JobState.FINISHED, JobState.FAILED))
        job = db.session.get_one(Job, job_id, populate_existing=True)
        assert (job.state, job.result, job.error) == (JobState.FINISHED, {"attempt": 2}, None)
        names = select(Source.name).where(Source.name.startswith("attempt"))
        assert db.session.scalars(names).all() == ["attempt 2"]


def _state(app: Flask, job_id: int) -> str:
    with app.app_context():
        return str(db.session.scalar(select(Job.state).where(Job.id == job_id)))


@pytest.fixture
def limit(on_sqlite: Flask) -> Callable[[int | None], None]:
    """limit(pages) lets the database file grow by no more than that; limit(None) as much as it likes."""
    allowed = [2**30]

    def apply(connection: Any, record: Any = None) -> None:
        connection.execute(f"PRAGMA max_page_count = {allowed[0]}")

    with on_sqlite.app_context():
        engine: Engine = db.engine
    event.listen(engine, "connect", apply)

    def change(pages: int | None) -> None:
        with on_sqlite.app_context():
            count = db.session.execute(text("PRAGMA page_count")).scalar_one()
            allowed[0] = 2**30 if pages is None else count + pages
        engine.dispose()

    return change


def test_a_full_disk_is_told_in_words_stores_nothing_by_half_and_is_no_trouble_later(
    on_sqlite: Flask, limit: Callable[[int | None], None]
) -> None:
    post = poster(on_sqlite)
    assert post(2021, 4).status_code == 200
    limit(3)
    refused = post(2022, 5000)
    assert (refused.status_code, refused.json["status"]) == (503, 503)
    assert "disk of the database is full" in refused.json["message"]
    assert int(refused.headers["Retry-After"]) > 0
    assert number(on_sqlite) == 4
    with on_sqlite.app_context():
        assert db.session.scalar(select(func.count()).select_from(Job)) == 1
    limit(None)
    assert post(2022, 5000).status_code == 200
    assert number(on_sqlite) == 5004


def test_a_job_whose_result_finds_no_room_is_run_again_when_there_is(
    on_sqlite: Flask, limit: Callable[[int | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = on_sqlite

    def fill(job: Job) -> Outcome:
        limit(1 if job.attempt == 1 else None)
        return Outcome(result={"attempt": job.attempt, "much": "x" * 100_000})

    def stopping() -> bool:
        limit(None)
        return _state(app, job_id) in (JobState.FINISHED, JobState.FAILED)

    monkeypatch.setitem(app.extensions["flexmeasures"].job_functions, "fill", fill)
    with app.app_context():
        with writing():
            job_id = enqueue("fill", {}, queue="scheduling").id
        work(["scheduling"], stopping=stopping)
        job = db.session.get_one(Job, job_id, populate_existing=True)
        assert job.state == JobState.FINISHED
        assert job.result is not None
        assert job.result["attempt"] == 2
