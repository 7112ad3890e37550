"""pytest fixtures for FlexMeasures itself and for authors of plugins.

    def test_my_page(client, prosumer, as_user):
        with as_user(client, prosumer):
            assert client.get("/my-page").status_code == 200

`app` runs on SQLite, and on PostgreSQL too where it answers (FLEXMEASURES_TEST_POSTGRESQL, default
postgresql://postgres@127.0.0.1:5432). What is missing is said in one line, or is a failure when
FLEXMEASURES_TEST_REQUIRE names it. Each test starts on empty tables with the standard structure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient, FlaskCliRunner

    from flexmeasures.models.users import User

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in cli.main, before numpy is imported

PASSWORD = "a-password-for-tests"  # noqa: S105 (for tests)
_POSTGRESQL = os.environ.get("FLEXMEASURES_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
_REQUIRED = [name for name in os.environ.get("FLEXMEASURES_TEST_REQUIRE", "").split(",") if name]
_missing: dict[str, str] = {}
_TO_HAVE_IT = {
    "postgresql": "install PostgreSQL, or name one by FLEXMEASURES_TEST_POSTGRESQL=postgresql://<user>@<host>:<port>",
    "redis": "install redis-server",
    "a browser": "install chromium (apt-get install chromium)",
}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let the process that reports know what was missing in this one (pytest-xdist)."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["flexmeasures_missing"] = dict(_missing)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    """Gather what was missing in a process of pytest-xdist."""
    _missing.update(getattr(node, "workeroutput", {}).get("flexmeasures_missing", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for name, reason in _missing.items():
        terminalreporter.write_line(f"NOT TESTED ON {name.upper()}: {reason}", red=True, bold=True)
        if name in _TO_HAVE_IT:
            terminalreporter.write_line(f"  To test it: {_TO_HAVE_IT[name]}.")


def _postgresql_or_reason() -> str | None:
    import psycopg

    try:
        psycopg.connect(f"{_POSTGRESQL}/postgres", connect_timeout=3).close()
    except psycopg.Error as error:
        return str(error).splitlines()[0]
    return None


def cannot_test_on(name: str, reason: str) -> None:
    """Skip the test and say so at the end of the run, or fail it when FLEXMEASURES_TEST_REQUIRE names it."""
    _missing[name] = reason
    if name in _REQUIRED:
        pytest.fail(f"{name} is required (FLEXMEASURES_TEST_REQUIRE): {reason}")
    pytest.skip(f"{name} cannot be used: {reason}")


@contextmanager
def temporary_postgresql() -> Iterator[str]:
    """A new PostgreSQL database, dropped at the end; gives its URI. Skips the test when no server answers."""
    import psycopg

    reason = _postgresql_or_reason()
    if reason is not None:
        cannot_test_on("postgresql", reason)
    name = f"flexmeasures_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{_POSTGRESQL}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{_POSTGRESQL}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def make_app(instance: Path, **settings: Any) -> Flask:
    """An app for tests in an instance folder of its own, its database at the newest migration."""
    from flexmeasures.app import create
    from flexmeasures.db import branches, db, upgrade
    from flexmeasures.runtime import runtime

    defaults = {
        "TESTING": True,
        "FLEXMEASURES_JOBS": "inline",
        "FLEXMEASURES_HOURLY_FORECASTS": False,
        "FLEXMEASURES_STRICT_PLUGINS": True,
        "FLEXMEASURES_TIMEZONE": "UTC",
        "SECRET_KEY": "a-key-for-tests",
        "SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {"bcrypt__rounds": 4},
        "SECURITY_HASHING_SCHEMES": ["hex_md5"],  # of the digests in mails, which take a while otherwise
        "SECURITY_DEPRECATED_HASHING_SCHEMES": [],
        "WTF_CSRF_ENABLED": False,
        "MAIL_BACKEND": "locmem",
    }
    app = create("testing", instance=instance, settings=defaults | settings)
    with app.app_context():
        upgrade(db.engine, branches(runtime().plugins))
    return app


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_uri(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URI of the run's own database, on each kind of database in turn."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/flexmeasures.db"
    else:
        with temporary_postgresql() as uri:
            yield uri


@pytest.fixture(scope="session")
def _session_app(database_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    app = make_app(tmp_path_factory.mktemp("instance"), SQLALCHEMY_DATABASE_URI=database_uri)
    yield app
    with app.app_context():
        from flexmeasures.db import db

        db.engine.dispose()


@pytest.fixture
def app(_session_app: Flask) -> Iterator[Flask]:
    """The app, on empty tables with the standard structure; settings that a test changes are put back."""
    settings = dict(_session_app.config)
    for limiter in _session_app.extensions.get("limiter", ()):
        limiter.reset()
    with _session_app.app_context():
        refill_tables()
    yield _session_app
    _session_app.config.clear()
    _session_app.config.update(settings)


def empty_tables() -> None:
    """Delete all rows of all tables of the kernel."""
    from sqlalchemy import delete

    from flexmeasures.db import Base, writing

    with writing() as session:
        # DELETE, for TRUNCATE makes new files: of small tables it takes twenty times as long.
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))


_remembered: dict[tuple[str, str], list[tuple[Any, list[dict[str, Any]]]]] = {}


def refill_tables() -> None:
    """Empty the tables and add the standard structure."""
    empty_tables()
    add_rows_of(seed_structure)


def add_rows_of(make: Callable[[], object]) -> None:
    """Add the rows that a function makes; after the first time as they came of it then, which is much faster.

    make: a function of a module, which adds rows to empty tables with the same other rows each time.
    """
    from sqlalchemy import insert

    from flexmeasures.db import db, writing

    key = db.engine.url.render_as_string(hide_password=False), f"{make.__module__}.{make.__qualname__}"
    if key not in _remembered:
        before = dict(_all_rows())
        make()
        _remembered[key] = [
            (table, [row for row in rows if row not in before[table]]) for table, rows in _all_rows()
        ]
        return
    with writing() as session:
        for table, rows in _remembered[key]:
            if rows:
                session.execute(insert(table), rows)


def _all_rows() -> list[tuple[Any, list[dict[str, Any]]]]:
    """The rows of each table of the kernel, in an order in which they can be added."""
    from sqlalchemy import select

    from flexmeasures.db import Base, db

    found = [
        (
            table,
            [dict(row._mapping) for row in db.session.execute(select(table).order_by(*table.primary_key))],
        )
        for table in Base.metadata.sorted_tables
    ]
    db.session.commit()
    return found


def seed_structure() -> None:
    """Add the standing rows that plugins bring: with master_data the standard types and the dummy market."""
    from flexmeasures.db import writing
    from flexmeasures.runtime import runtime

    with writing() as session:
        runtime().hook.register_seeds(session=session)


@pytest.fixture
def in_app(app: Flask) -> Iterator[Flask]:
    """The app inside an app context, for tests that call the kernel directly (not beside `client`)."""
    with app.app_context():
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser or API client without login."""
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    """Runs commands that blueprints bring (app.cli)."""
    return app.test_cli_runner()


@pytest.fixture
def make_user(app: Flask) -> Callable[..., User]:
    """make_user("name", "role", ...) adds a user whose password is PASSWORD."""

    def make(username: str, *roles: str) -> User:
        from flexmeasures import auth
        from flexmeasures.db import writing

        with app.app_context(), writing():
            return auth.create_user(username, f"{username}@example.com", PASSWORD, roles)

    return make


@pytest.fixture
def admin(make_user: Callable[..., User]) -> User:
    """A user with the role admin."""
    return make_user("admin", "admin")


@pytest.fixture
def prosumer(make_user: Callable[..., User]) -> User:
    """A user with the role Prosumer."""
    return make_user("prosumer", "Prosumer")


@pytest.fixture
def token_of(app: Flask) -> Callable[[User], dict[str, str]]:
    """token_of(user) gives the request headers that authenticate the user."""

    def headers(user: User) -> dict[str, str]:
        from flexmeasures.auth import new_token

        with app.app_context():
            return {app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]: new_token(user)}

    return headers


@pytest.fixture
def as_user() -> Callable[[FlaskClient, User], Any]:
    """`with as_user(client, user):` the client's requests carry a session of the user."""

    @contextmanager
    def logged_in(client: FlaskClient, user: User) -> Iterator[None]:
        with client.session_transaction() as session:
            session["_user_id"] = user.fs_uniquifier
            session["_fresh"] = True
        yield
        with client.session_transaction() as session:
            session.clear()

    return logged_in
