"""The pages in a real browser: charts are drawn, nothing is refused by the policy or asked of other hosts."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flexmeasures import testing
from flexmeasures.hookspecs import hookimpl

from .conftest import START, new_asset, tell

Open = Callable[[str], tuple[str, list[str]]]


@pytest.fixture(scope="module")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server on SQLite, on which every visitor is the owner of one battery."""
    from waitress.server import create_server

    from flexmeasures_demo.run import _serve

    app = testing.make_app(tmp_path_factory.mktemp("site"), FLEXMEASURES_TIMEZONE="Europe/Amsterdam")
    with app.app_context():
        _fill()
    app.extensions["flexmeasures"].plugins.manager.register(Everybody(), "everybody")
    server = create_server(app, host="127.0.0.1", port=0, threads=4)
    closing = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, closing), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    closing.set()
    server.close()
    thread.join(5)


class Everybody:
    """Takes every visitor for the owner."""

    @hookimpl
    def authenticate(self, request: Any) -> Any:
        from sqlalchemy import select

        from flexmeasures.db import db
        from flexmeasures.models import User

        return db.session.scalars(select(User)).one()


def _fill() -> None:
    from flexmeasures import auth
    from flexmeasures.db import writing

    testing.seed_structure()
    with writing():
        owner = auth.create_user("owner", "owner@example.com", testing.PASSWORD, ["Prosumer"])
    battery = new_asset(owner, "Cellar battery")
    tell(battery, np.linspace(0.5, -1.5, 24), START)
    tell(battery, np.repeat([1.0, -1.0], 48), START, "schedule")


@pytest.fixture
def open_page(chromium: str, site: str, tmp_path: Path) -> Open:
    """`open_page("/")` gives the page's elements after its scripts ran, and what the browser complained of."""

    def opened(path: str) -> tuple[str, list[str]]:
        options = [
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=15000"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr"),
            *(f"--user-data-dir={tmp_path}", "--no-first-run", "--disable-background-networking"),
        ]
        done = subprocess.run(
            [chromium, *options, "--dump-dom", site + path], capture_output=True, text=True, timeout=120
        )
        said = [line for line in done.stderr.splitlines() if "CONSOLE" in line or "Refused to" in line]
        return done.stdout, [line for line in said if "[bokeh" not in line]

    return opened


def test_the_chart_is_drawn_under_the_policy(open_page: Open) -> None:
    page, complaints = open_page("/assets/2")
    assert complaints == []
    assert 'data-ready="true"' in page
    assert "bk-Column" in page


def test_the_chart_of_the_portfolio_is_drawn_under_the_policy(open_page: Open) -> None:
    page, complaints = open_page("/portfolio")
    assert complaints == []
    assert 'data-ready="true"' in page


def test_the_charts_of_analytics_are_drawn_under_the_policy(open_page: Open) -> None:
    page, complaints = open_page("/analytics?start_time=2026-03-04T00:00Z&end_time=2026-03-06T00:00Z")
    assert complaints == []
    assert page.count('data-ready="true"') == 3
    assert 'data-ready="false"' not in page


def test_the_map_is_drawn_under_the_policy(open_page: Open) -> None:
    page, complaints = open_page("/dashboard")
    assert complaints == []
    assert re.search(r'id="map"[^>]*data-ready="true"', page)
    assert page.count('class="leaflet-marker-icon pin') == 1


def test_the_page_of_the_api_shows_all_operations_under_the_policy(open_page: Open, site: str) -> None:
    page, complaints = open_page("/api/v2_0/docs")
    assert complaints == []
    assert 'data-path="/api/v2_0/postUdiEvent"' in page
    assert page.count('class="opblock ') > 20


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/assets",
        "/portfolio",
        "/analytics",
        "/upload",
        "/users",
        "/account",
        "/tasks/",
        "/login",
        "/no-such-page",
    ],
)
def test_other_pages_load_without_a_complaint(open_page: Open, path: str) -> None:
    page, complaints = open_page(path)
    assert re.search(r"<main", page)
    # The browser itself notes a page's own 404, which is no complaint about the page.
    assert [line for line in complaints if "404" not in line] == []
    assert 'data-bs-theme="light"' in page
