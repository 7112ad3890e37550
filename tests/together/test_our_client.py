"""The documentation's showcase of a plugin, and our example in the same form, work as the documentation says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from flexmeasures import auth
from flexmeasures.db import db, writing
from flexmeasures.runtime import runtime
from flexmeasures.testing import make_app

EXAMPLE = Path(__file__).parents[2] / "examples" / "our_client"

# As in the documentation, chapter "Writing Plugins", section "Showcase".
SHOWCASE = """
from flask import Blueprint, render_template, abort

from flask_security import login_required
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template


our_client_bp = Blueprint('our_client', 'our_client',
                           template_folder='templates')

# Showcase: Adding a view

@our_client_bp.route('/metrics')
@login_required
def metrics():
    msg = "I am part of FM !"
    # Note that we render via the in-built FlexMeasures way
    return render_flexmeasures_template(
        "metrics.html",
        message=msg,
    )

# Showcase: Adding a CLI command

import click
from flask import current_app
from flask.cli import with_appcontext

our_client_bp.cli.help = "Our client commands"

@our_client_bp.cli.command("test")
@with_appcontext
def oc_test():
    print(f"I am a CLI command, part of FlexMeasures: {current_app}")
"""
TEMPLATE = '{% extends "base.html" %}{% block divs %}<p class="ours">{{ message }}</p>{% endblock %}'


@pytest.fixture(params=["example", "documentation"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The plugin's folder, always named our_client."""
    if request.param == "example":
        return EXAMPLE
    plugin = tmp_path / "our_client"
    (plugin / "templates").mkdir(parents=True)
    (plugin / "__init__.py").write_text(SHOWCASE)
    (plugin / "templates" / "metrics.html").write_text(TEMPLATE)
    return plugin


@pytest.fixture
def app(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An app that has the plugin by FLEXMEASURES_PLUGIN_PATHS."""
    monkeypatch.delitem(sys.modules, "our_client", raising=False)
    app = make_app(tmp_path / "instance", FLEXMEASURES_PLUGIN_PATHS=[str(folder)])
    yield app
    with app.app_context():
        db.engine.dispose()


def test_it_is_an_active_plugin_of_that_name(app: Flask, folder: Path) -> None:
    with app.app_context():
        found = {plugin.name: plugin for plugin in runtime().plugins.plugins}["our_client"]
    assert (found.state, found.kind, found.origin) == ("active", "path", f"folder {folder}")


@pytest.mark.contract("26.2")
def test_its_page_shows_the_message_in_the_layout_to_who_is_logged_in(
    app: Flask, as_user: Callable[..., Any]
) -> None:
    with app.app_context(), writing():
        user = auth.create_user("visitor", "visitor@example.com", "a-long-password", ["Prosumer"])
    client = app.test_client()
    refused = client.get("/metrics")
    assert (refused.status_code, refused.location.partition("?")[0]) == (302, "/login")
    with as_user(client, user):
        page = client.get("/metrics")
    assert page.status_code == 200
    assert "I am part of FM !" in page.text
    assert "<nav" in page.text
    assert app.config["FLEXMEASURES_PLATFORM_NAME"] in page.text


@pytest.mark.parametrize("group", ["our_client", "our-client"])
@pytest.mark.contract("26.2")
def test_its_command_is_called_with_underscore_and_hyphen(group: str, folder: Path, tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("FLEXMEASURES")}
    surroundings |= {
        "FLEXMEASURES_INSTANCE": str(tmp_path / "instance"),
        "FLEXMEASURES_PLUGIN_PATHS": str(folder),
    }
    done = subprocess.run(
        [Path(sys.executable).parent / "flexmeasures", group, "test"],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "I am a CLI command, part of FlexMeasures: <Flask 'flexmeasures'>\n"
