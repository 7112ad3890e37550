"""Faults that got past the isolation of plugins once: each alone, and fifty of them together."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from flexmeasures.cli import cli
from flexmeasures.db import db
from flexmeasures.models import Source
from flexmeasures.testing import make_app

pytestmark = [
    pytest.mark.usefixtures("forget_modules"),
    # The alarm that ends an import may strike within a finalizer, where Python can only report it; it strikes again.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAGE = """
from flask import Blueprint, render_template
from flexmeasures import hookimpl
NAME_bp = Blueprint("NAME", __name__, template_folder="templates")

@NAME_bp.route("/NAME")
def page():
    return render_template("NAME.html")
"""
OWN = '{% extends "base.html" %}{% block divs %}of NAME{% endblock %}'


@dataclass(frozen=True)
class Fault:
    """Code after PAGE, more templates, and what becomes of the plugin (what it says, or where it fails)."""

    code: str = ""
    templates: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    fails_in: str = ""


SWALLOWS = """
import time
while True:
    try:
        time.sleep(60)
    except EXCEPTION:
        pass
"""
FAULTS = {
    "shadows": Fault(templates={"base.html": "mine"}, reason="The template 'base.html'"),
    "shadows_mail": Fault(
        templates={"security/login_user.html": "mine"}, reason="The template 'security/login_user.html'"
    ),
    "shadows_variable": Fault(
        "@NAME_bp.app_context_processor\ndef mine():\n    return {'menu': 7, 'site_menu': 7, 'NAME': 1}",
        fails_in="app_context_processor",
    ),
    "shadows_filter": Fault(
        "@NAME_bp.app_template_filter('tojson')\ndef mine(value):\n    return 'mine'",
        reason="The template filter 'tojson'",
    ),
    "leaves_rows": Fault(
        """
from flexmeasures.db import db
from flexmeasures.models import Source
@NAME_bp.before_app_request
def leave():
    db.session.add(Source(name="left by NAME", type="note"))
""",
    ),
    "leaves_statement": Fault(
        """
from flexmeasures.db import db
from sqlalchemy import text
@NAME_bp.before_app_request
def leave():
    db.session.execute(text("INSERT INTO source (name, type, model, version) VALUES ('left by NAME', 'x', '', '')"))
""",
    ),
    "leaves_failure": Fault(
        """
from contextlib import suppress
from flexmeasures.db import db
from sqlalchemy import text
@NAME_bp.before_app_request
def leave():
    with suppress(Exception):
        db.session.execute(text("SELECT nothing FROM nowhere"))
""",
    ),
    "swallows_all": Fault(SWALLOWS.replace("EXCEPTION", "BaseException"), reason="it hangs: not done after"),
    "swallows_interrupt": Fault(
        "import contextlib\n" + SWALLOWS.replace("EXCEPTION", "(KeyboardInterrupt, BaseException)"),
        reason="it hangs: not done after",
    ),
    "prints": Fault("print('printed by NAME')"),
}


def write(folder: Path, name: str, fault: Fault) -> str:
    plugin = folder / name
    for template, text in {f"{name}.html": OWN, **fault.templates}.items():
        path = plugin / "templates" / template
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name))
    (plugin / "__init__.py").write_text(dedent(PAGE + fault.code).replace("NAME", name))
    return str(plugin)


def app_with(folder: Path, *paths: str, **settings: Any) -> Flask:
    limit = {"FLEXMEASURES_PLUGIN_TIMEOUT": "PT0.5S", "FLEXMEASURES_STRICT_PLUGINS": False} | settings
    return make_app(folder / "instance", FLEXMEASURES_PLUGIN_PATHS=list(paths), **limit)


def state_of(app: Flask, name: str) -> Any:
    return next(p for p in app.extensions["flexmeasures"].plugins.plugins if p.name == name)


def assert_contained(app: Flask, faults: dict[str, Fault]) -> None:
    """Pages are ours, nothing that a plugin left is stored, and each faulty plugin is named."""
    client = app.test_client()
    login = client.get("/login")
    assert (login.status_code, "mine" in login.text, "</nav>" in login.text or "</header>" in login.text) == (
        200,
        False,
        True,
    )
    token = {"email": "nobody@example.com", "password": "wrong-password"}
    assert client.post("/api/requestAuthToken", json=token).status_code in (401, 404)
    assert client.get("/no-such-page").status_code == 404
    parts = client.get("/health").json["parts"]
    for name, fault in faults.items():
        plugin = state_of(app, name)
        assert (name, plugin.state) == (name, "broken" if fault.reason else "active"), plugin.reason
        assert fault.reason in plugin.reason
        assert fault.fails_in in parts[f"plugin {name}"].get("detail", ""), parts
    with app.app_context():
        left = select(func.count()).select_from(Source).where(Source.name.startswith("left by"))
        assert db.session.scalar(left) == 0


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_contained_and_its_plugin_named(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    app = app_with(tmp_path, write(tmp_path, name, FAULTS[name]))
    assert_contained(app, {name: FAULTS[name]})
    if not FAULTS[name].reason:
        assert f"of {name}" in app.test_client().get(f"/{name}").text
    assert "printed" not in capfd.readouterr().out


def test_fifty_faulty_plugins_together_leave_the_good_one_standing(tmp_path: Path) -> None:
    kinds = list(FAULTS.items())
    faults = {f"{kind}_{number}": fault for number in range(5) for kind, fault in kinds}
    paths = [write(tmp_path, name, fault) for name, fault in faults.items()]
    app = app_with(tmp_path, *paths, write(tmp_path, "good", Fault()), FLEXMEASURES_PLUGIN_TIMEOUT="PT0.3S")
    assert len(faults) == 50
    assert_contained(app, faults)
    assert "of good" in app.test_client().get("/good").text


def test_a_template_of_ours_is_replaced_when_that_is_stated(tmp_path: Path) -> None:
    replacing = Fault("__replaces__ = ['ui.base.html']", {"base.html": "mine{% block divs %}{% endblock %}"})
    app = app_with(tmp_path, write(tmp_path, "pretty", replacing))
    assert app.test_client().get("/pretty").text == "mineof pretty"


def test_an_import_that_took_too_long_is_not_tried_again_until_a_file_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "slow", FAULTS["swallows_all"])
    app_with(tmp_path, path)
    begin = time.monotonic()
    plugin = state_of(app_with(tmp_path, path), "slow")
    assert time.monotonic() - begin < 0.5 + 3  # an app takes some time by itself
    assert plugin.state == "broken"
    assert "its import took longer than 0.5 seconds before" in plugin.reason
    assert str(tmp_path / "instance" / "slow_plugins.json") in plugin.reason
    longer = state_of(app_with(tmp_path, path, FLEXMEASURES_PLUGIN_TIMEOUT="PT0.6S"), "slow")
    assert "not done after 0.6 seconds" in longer.reason
    write(tmp_path, "slow", Fault())
    assert state_of(app_with(tmp_path, path), "slow").state == "active"
    assert (tmp_path / "instance" / "slow_plugins.json").read_text() == "{}"


def test_help_waits_once_and_not_long_for_a_plugin_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "slow", FAULTS["swallows_all"])
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", path)
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_TIMEOUT", "PT30S")
    took = []
    for _ in range(2):
        begin = time.monotonic()
        result = CliRunner().invoke(cli, ["--help"])
        took.append(time.monotonic() - begin)
        assert (result.exit_code, "plugins" in result.stdout) == (0, True)
    assert took[0] < 15
    assert took[1] < took[0]


@pytest.mark.parametrize(
    "broken",
    [
        "def upgrade():\n    raise ValueError('no such table of ours')",
        "import sys\n\ndef upgrade():\n    sys.exit(3)",
        "def upgrade(:",
    ],
)
def test_a_migration_that_raises_switches_off_its_plugin_only(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = "import sqlalchemy as sa\nfrom alembic import op\n\ndef upgrade():\n"
    good += '    op.create_table("after_thing", sa.Column("id", sa.Integer, primary_key=True))'
    paths = []
    for name, code in (("before", broken), ("after", good)):
        paths.append(
            write(
                tmp_path,
                name,
                Fault(
                    "from pathlib import Path\n@hookimpl\ndef register_migrations():\n"
                    "    return Path(__file__).parent / 'migrations'"
                ),
            )
        )
        folder = tmp_path / name / "migrations"
        folder.mkdir()
        (folder / "0001_first.py").write_text(f'"""First."""\nrevision = "1"\ndown_revision = None\n{code}\n')
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(tmp_path / "instance"))
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", ",".join(paths))
    result = CliRunner().invoke(cli, ["db", "upgrade"])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "Plugin before: its migrations fail: " in result.stderr
    assert "after: up to 1, First" in result.stdout
    assert "flexmeasures: up to" in result.stdout
