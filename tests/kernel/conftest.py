"""Fixtures for the tests of configuration and command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from flexmeasures.cli import cli
from flexmeasures.db import db, is_sqlite
from flexmeasures.server import supervisor
from flexmeasures_jobs_rq.testing import temporary_redis

if TYPE_CHECKING:
    from flexmeasures_jobs_rq import RedisNotifier


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home, a working directory and an environment without settings."""
    families = (
        "FLEXMEASURES_",
        "SQLALCHEMY_",
        "SECURITY_",
        "MAIL_",
        "FLASK_ENV",
        "SECRET_KEY",
        "XDG_DATA_HOME",
    )
    for name in [name for name in os.environ if name.startswith(families)]:
        monkeypatch.delenv(name)
    for folder in ("home", "here"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def forget_modules(tmp_path: Path) -> Iterator[None]:
    """Modules of plugins in the test's folder are imported anew by the next test."""
    yield
    for name in list(sys.modules):
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis of the run's own."""
    with temporary_redis() as url:
        yield url


@pytest.fixture
def bell(app: Flask, redis_url: str) -> Iterator[RedisNotifier]:
    """The bell of an app that has Redis."""
    from flexmeasures_jobs_rq import RedisNotifier

    app.config["FLEXMEASURES_REDIS_URL"] = redis_url
    hub = app.extensions["flexmeasures"]
    with app.app_context():
        engine = db.engine
    hub.notifier = RedisNotifier(app.config, lambda: engine)
    yield hub.notifier
    redis, ours = hub.notifier.connection, hub.notifier.name_of("")
    keys = [key for key in redis.scan_iter("rq:job:*") if ours.encode() in (redis.hget(key, "origin") or b"")]
    for key in [*keys, *redis.scan_iter(f"*{ours}*")]:
        redis.delete(key)
    hub.notifier.connection.close()
    hub.notifier = None


@pytest.fixture(params=["table", "redis"])
def transport(request: pytest.FixtureRequest, app: Flask) -> str:
    """By what workers hear of jobs: the table alone on each database, and Redis beside PostgreSQL."""
    if request.param == "redis":
        with app.app_context():
            if is_sqlite():
                pytest.skip("Redis is tried beside PostgreSQL, as in production")
        request.getfixturevalue("bell")
    return str(request.param)


@pytest.fixture(scope="session")
def warm(_session_app: Flask) -> None:
    """What the supervisor of workers imports is imported here already: each one that is forked shares it."""
    supervisor._warm(_session_app)


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """The path of an instance folder that is not there yet."""
    return tmp_path / "instance"


@pytest.fixture
def named_instance(no_settings: None, instance: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, named by the environment."""
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(instance))
    return instance


@pytest.fixture
def flexmeasures(named_instance: Path) -> Callable[..., Result]:
    """flexmeasures("db", "upgrade") runs a command in this process."""

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(cli, list(arguments), prog_name="flexmeasures", **options)

    return run


@pytest.fixture
def flexmeasures_process(named_instance: Path) -> Callable[..., subprocess.Popen[str]]:
    """`with flexmeasures_process("run") as process:` runs the installed script."""

    def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [str(Path(sys.executable).with_name("flexmeasures")), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options)

    return start


BLUEPRINT = """
    import click
    from flask import Blueprint, current_app
    our_client_bp = Blueprint("our_client", __name__)
    @our_client_bp.cli.command("test")
    @click.option("--name", default="you")
    def test(name):
        "Greet."
        print(name, "in", current_app.name)
"""


@pytest.fixture
def our_client(named_instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin in a folder, named in FLEXMEASURES_PLUGIN_PATHS, with a Blueprint that has a command."""
    folder = tmp_path / "our_client"
    folder.mkdir()
    (folder / "__init__.py").write_text(dedent(BLUEPRINT))
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", str(folder))
    yield folder
    sys.modules.pop("our_client", None)
