"""Fixtures for the tests of configuration and command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flexmeasures.cli import cli


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
