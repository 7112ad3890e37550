"""How long pages take on the server and until people see them, and how much they weigh.

`python bench/pages.py` prints the measurements; `measure()` returns them. Pages of the demo are asked for as its
admin, by a connection that is kept; a second instance has an owner of 1,000 assets, 10,000 more, and a battery with
3.5 million values of a year of quarter-hours. Paint and weight are those of Chromium on this machine.
"""

from __future__ import annotations

import re
import signal
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from common import SCRIPTS, environment, missing, row
from server import PATIENCE
from serving import running

PAGES = (
    "/dashboard",
    "/analytics",
    "/portfolio",
    "/accuracy",
    "/control",
    "/upload",
    "/account",
    "/assets",
    "/assets/{battery}",
    "/assets/{battery}/edit",
    "/assets/{battery}/flexibility",
    "/assets/new",
    "/sites",
    "/tariffs",
    "/users",
    "/plugins",
    "/tasks/",
)
SEEN = ("/dashboard", "/analytics", "/assets/{battery}", "/assets")  # in the browser
TIMES = 7
OWNED, OTHERS = 1_000, 10_000
SLOTS, HORIZONS = 35_040, 100  # of the year with 3.5 million values
QUARTER = timedelta(minutes=15)
PASSWORD = "a-password"


def measure() -> list[dict[str, Any]]:
    """Pages of the demo, then those of the large instance; a row that says so where there is no browser."""
    try:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
            rows = _of_demo(browser) + _of_many(browser)
            browser.close()
    except (ImportError, FileNotFoundError) as error:
        return [missing("pages", str(error))]
    return rows


def _chromium() -> str:
    import shutil

    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise FileNotFoundError("there is no Chromium")
    return found


# -- the demo ------------------------------------------------------------------------------------------


def _of_demo(browser: Any) -> list[dict[str, Any]]:
    with TemporaryDirectory() as folder, _demo(Path(folder)) as (address, email, password):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        _log_in(context, address, email, password)
        battery = _get(address, context, "/assets?format=json&q=battery").split('"id":')[1].split(",")[0]
        pages = [page.format(battery=battery) for page in PAGES]
        times = {page: _median_ms(address, context, page) for page in pages}
        rows = [row(f"page {page.replace(battery, 'ID')}", taken, "ms") for page, taken in times.items()]
        rows.append(row("page slowest of the demo", max(times.values()), "ms", size=len(times)))
        for page in SEEN:
            rows += _seen(browser, context, address + page.format(battery=battery), page)
        return rows


@contextmanager
def _demo(folder: Path) -> Iterator[tuple[str, str, str]]:
    """`flexmeasures demo` as it serves: its address, and name and password of its admin."""
    command = [str(SCRIPTS / "flexmeasures"), "demo", "--instance", str(folder / "demo"), "--port", "0"]
    with subprocess.Popen(
        command, env=environment(folder), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        try:
            told = ""
            assert process.stderr is not None
            for line in process.stderr:
                told += line
                if "Log in as" in line:
                    break
            address = re.search(r"Look at it: (http://[^ ]+)", told)
            admin = re.search(r"admin: (\S+), password (\S+)", told)
            assert address is not None, told
            assert admin is not None, told
            yield address[1], admin[1], admin[2]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE)


def _seen(browser: Any, logged_in: Any, address: str, name: str) -> list[dict[str, Any]]:
    """When the largest part is painted, and how much comes over the network at the first and the second view."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, storage_state=logged_in.storage_state()
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    painted = page.evaluate(
        "new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))"
        ".observe({type: 'largest-contentful-paint', buffered: true}))"
    )
    weighed = (
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".filter(each => !each.name.includes('bokeh')).reduce((sum, each) => sum + each.transferSize, 0) / 1000"
    )
    first = page.evaluate(weighed)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    second = page.evaluate(weighed)
    context.close()
    return [
        row(f"largest paint of {name}", painted, "ms"),
        row(f"weight of {name} without Bokeh", first, "kB"),
        row(f"weight of {name} without Bokeh, second view", second, "kB"),
    ]


# -- many assets and many values -----------------------------------------------------------------------


def _of_many(browser: Any) -> list[dict[str, Any]]:
    from flexmeasures.testing import make_app

    with TemporaryDirectory() as folder:
        instance = Path(folder)
        app = make_app(instance, FLEXMEASURES_JOBS="", SECURITY_PASSWORD_SALT="s")
        with app.app_context():
            _fill()
        with running("sqlite", instance, {}) as (port, _):
            address = f"http://127.0.0.1:{port}"
            contexts = {}
            for name in ("owner", "analyst", "admin"):
                contexts[name] = browser.new_context()
                _log_in(contexts[name], address, f"{name}@example.com", PASSWORD)
            end = _end()
            year = f"start_time={end - SLOTS * QUARTER:%Y-%m-%dT%H:%MZ}&end_time={end:%Y-%m-%dT%H:%MZ}"
            asked = (
                ("dashboard", "owner", "/dashboard", OWNED),
                ("list of assets", "admin", "/assets", OWNED + OTHERS + 1),
                ("list of assets, searched", "admin", "/assets?q=building+77", OWNED + OTHERS + 1),
                ("analytics of a year", "analyst", f"/analytics?{year}", SLOTS * HORIZONS),
                ("chart of a year", "analyst", f"/analytics/chart/power.json?{year}", SLOTS * HORIZONS),
                (
                    "analytics of a year with its sources",
                    "analyst",
                    f"/analytics?{year}&choose=sources",
                    SLOTS * HORIZONS,
                ),
            )
            return [
                row(f"many: {title}", _median_ms(address, contexts[name], path), "ms", size=size)
                for title, name, path, size in asked
            ]


def _end() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _fill() -> None:
    """Users, assets with a value each, and the battery with its year; inside an app context."""
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures import auth, beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.models import Market
    from flexmeasures.testing import seed_structure

    seed_structure()
    random, end = np.random.default_rng(1), _end()
    with writing() as session:
        roles = {"owner": ["Prosumer"], "others": ["Prosumer"], "analyst": ["Prosumer"], "admin": ["admin"]}
        users = {
            name: auth.create_user(name, f"{name}@example.com", PASSWORD, each)
            for name, each in roles.items()
        }
        about = {"unit": "MW", "event_resolution": 15, "market_id": session.scalar(select(Market.id))}
        about |= {"capacity_in_mw": 2, "asset_type_name": "building"}
        for name, count in (("owner", OWNED), ("others", OTHERS)):
            places = random.uniform((36, -9), (60, 25), (count, 2))
            for k, (latitude, longitude) in enumerate(places.tolist()):
                place = {"latitude": latitude, "longitude": longitude}
                asset = master_data.create_asset(
                    about | place | {"name": f"{name} building {k}", "owner_id": users[name].id}
                )
                if name == "owner":
                    meter = sources.get_source("meter", "script")
                    beliefs.store(asset, np.ones(4), end, QUARTER, meter, horizon=timedelta(0))
        battery = master_data.create_asset(
            about
            | {"name": "battery", "asset_type_name": "battery", "owner_id": users["analyst"].id}
            | {"latitude": 52.4, "longitude": 4.9, "max_soc_in_mwh": 4, "min_soc_in_mwh": 0}
        )
        for k in range(HORIZONS):
            model = "meter" if k == 0 else f"forecaster {k % 3}"
            kind = "script" if k == 0 else "forecasting script"
            source = sources.get_source(model, kind, model, "1")
            values = random.normal(0, 1, SLOTS)
            beliefs.store(battery, values, end - SLOTS * QUARTER, QUARTER, source, horizon=k * QUARTER)


# -- asking --------------------------------------------------------------------------------------------


def _log_in(context: Any, address: str, email: str, password: str) -> None:
    page = context.new_page()
    page.goto(f"{address}/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    page.close()


def _get(address: str, context: Any, path: str, connection: HTTPConnection | None = None) -> str:
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in context.cookies())
    own = connection or HTTPConnection(address.removeprefix("http://"), timeout=120)
    own.request("GET", path, headers={"Cookie": cookie})
    answer = own.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise AssertionError(f"{path}: {answer.status}")
    return text


def _median_ms(address: str, context: Any, path: str) -> float:
    """Of several requests after a first one."""
    connection = HTTPConnection(address.removeprefix("http://"), timeout=120)
    taken = []
    for _ in range(TIMES + 1):
        begin = perf_counter()
        _get(address, context, path, connection)
        taken.append(1000 * (perf_counter() - begin))
    connection.close()
    return statistics.median(taken[1:])


if __name__ == "__main__":
    for measurement in measure():
        print(measurement)
