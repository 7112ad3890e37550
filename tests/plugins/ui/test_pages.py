"""The pages: who sees what, in which words, and that they ask nothing of other hosts."""

from __future__ import annotations

import csv
import gzip
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from flexmeasures.hookspecs import MenuItem, hookimpl
from flexmeasures.testing import PASSWORD
from flexmeasures.timing import clock

from .conftest import NOW, START

PAGES = ("/", "/dashboard", "/assets", "/assets/{id}", "/login", "/reset", "/no-such-page")


@pytest.mark.parametrize("page", ["/", "/dashboard", "/assets", "/assets/1", "/assets/1/chart.json"])
@pytest.mark.contract("25.2")
def test_visitors_are_sent_to_the_login(client: Any, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer.location.startswith("/login?next=")


def test_a_login_leads_to_the_page_that_was_asked_for(client: Any, prosumer: Any) -> None:
    form = client.get("/login?next=/assets").text
    assert 'name="next" type="hidden" value="/assets"' in form
    sent = {"email": prosumer.email, "password": PASSWORD, "next": "/assets"}
    answer = client.post("/login", data=sent)
    assert (answer.status_code, answer.location) == (302, "/assets")
    page = client.get("/assets").text
    assert prosumer.username in page
    client.post("/logout")
    assert client.get("/assets").status_code == 302


def test_a_wrong_password_is_told_and_the_address_kept(client: Any, prosumer: Any) -> None:
    page = client.post("/login", data={"email": prosumer.email, "password": "wrong"}).text
    assert 'class="field-error"' in page
    assert f'value="{prosumer.email}"' in page
    assert "Traceback" not in page


def test_the_login_page_tells_public_credentials_in_demo_mode_only(
    app: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS", ("demo@example.org", "<public>"))
    assert "demo@example.org" not in client.get("/login").text
    monkeypatch.setitem(app.config, "FLEXMEASURES_MODE", "demo")
    page = client.get("/login").text
    assert "log in with demo@example.org and the password &lt;public&gt;" in page


def test_the_dashboard_shows_own_assets_only_and_an_admin_all(
    client: Any, as_user: Any, make_asset: Any, make_user: Any, admin: Any, battery: Any, prosumer: Any
) -> None:
    other = make_asset(make_user("neighbour", "Prosumer"), "Panels of the neighbour", "solar")
    with as_user(client, prosumer):
        for page in ("/", "/dashboard", "/assets"):
            text = client.get(page).text
            assert f'href="/assets/{battery.id}"' in text
            assert other.display_name not in text
    with as_user(client, admin):
        text = client.get("/").text
        assert battery.display_name in text
        assert other.display_name in text


def test_the_dashboard_tells_last_value_age_and_who_is_silent(
    client: Any, as_user: Any, make_asset: Any, store: Any, prosumer: Any, battery: Any
) -> None:
    store(make_asset(prosumer, "Old panels", "solar"), [-0.4], NOW.replace(minute=0) - timedelta(hours=5))
    make_asset(prosumer, "New charger", "one-way_evse")
    with as_user(client, prosumer):
        text = client.get("/dashboard").text
    assert (
        "2 of 3 assets silent: New charger (no data yet), Old panels (4 h old (expected every 15 min))."
        in text
    )
    assert "The others are producing 1.50 MW together." in text
    assert "7 min old" in text
    assert 'title="Wed 4 Mar 2026 12:00"' in text


def test_the_dashboard_says_when_all_is_well_or_nothing_is_there(
    client: Any, as_user: Any, make_user: Any, prosumer: Any, battery: Any
) -> None:
    with as_user(client, prosumer):
        assert "All well: 1 asset reporting, producing 1.50 MW together." in client.get("/").text
    with as_user(client, make_user("newcomer", "Prosumer")):
        assert "You have no assets yet." in client.get("/").text


def test_a_foreign_and_a_missing_asset_are_told_in_the_same_words(
    client: Any, as_user: Any, make_user: Any, battery: Any
) -> None:
    with as_user(client, make_user("stranger", "Prosumer")):
        for path in ("", "/chart.json", "/data.csv"):
            foreign = client.get(f"/assets/{battery.id}{path}")
            missing = client.get(f"/assets/98765{path}")
            huge = client.get(f"/assets/{10**30}{path}")
            assert foreign.status_code == missing.status_code == huge.status_code == 404
            assert foreign.text == missing.text == huge.text
            assert "Cellar" not in foreign.text


def test_the_asset_page_shows_the_chart_as_a_table_too(
    client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get(f"/assets/{battery.id}").text
    assert '<p class="lead">1.50 MW producing' in page
    for said in ("last \u22121.50 MW", "now 0.250 MW", "now 1.00 MW"):  # measured, forecast, schedule
        assert f'<span class="muted">{said}</span>' in page
    for heading in ("measured, MW", "forecast, MW", "schedule, MW", "price, EUR/MWh"):
        assert f'<th scope="col" class="num">{heading}</th>' in page
    assert 'data-chart="/assets/' in page
    assert "times in UTC (UTC+0)" in page


@pytest.mark.contract("D18")
def test_the_asset_page_tells_of_power_that_the_asset_cannot_have(
    client: Any, as_user: Any, make_asset: Any, store: Any, prosumer: Any
) -> None:
    panels = make_asset(prosumer, "Panels of the barn", "solar")
    store(panels, [-1.0, -2500.0], START)
    with as_user(client, prosumer):
        page = client.get(f"/assets/{panels.id}?start=2026-03-04T06:00Z&end=2026-03-04T12:00Z").text
        quiet = client.get(f"/assets/{panels.id}?start=2026-03-04T07:00Z&end=2026-03-04T12:00Z").text
    assert "the largest is -2500 MW, 1,250 times its 2 MW. Was the unit right?" in page
    assert "times the capacity" not in quiet


def test_the_asset_page_tells_how_good_its_forecasts_were(
    client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get(f"/assets/{battery.id}").text
    table = page[page.index("How good forecasts were") :]
    assert "Seita (m model v1)" in table
    # Of 20 known of linspace(0.5, -1.5, 24), against 0.25: worked out apart from the code.
    measured = [0.5 - 2 * k / 23 for k in range(24) if not 8 <= k < 12]
    wape = sum(abs(0.25 - y) for y in measured) / sum(map(abs, measured))
    assert f"{100 * (1 - wape):.1f}\u00a0%" in table


def test_the_csv_has_the_values_of_the_chart(client: Any, as_user: Any, prosumer: Any, battery: Any) -> None:
    window = {"start": "2026-03-04T06:00Z", "end": "2026-03-04T12:00Z"}
    with as_user(client, prosumer):
        answer = client.get(f"/assets/{battery.id}/data.csv", query_string=window)
    assert answer.mimetype == "text/csv"
    head, first, *rest = list(csv.reader(answer.text.splitlines()))
    assert head[:4] == ["event_start", "measured (MW)", "forecast (MW)", "schedule (MW)"]
    assert first[:4] == ["2026-03-04T06:00:00Z", "0.5", "0.25", "1.0"]
    assert rest[8 - 1][1] == ""
    assert len(rest) >= 23


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("start=2026-03-04T06:00&end=2026-03-04T06:00", "start is not before end"),
        ("start=yesterday&end=2026-03-04T06:00", "start &#39;yesterday&#39; is not a date and time"),
        ("start=2026-03-04T06:00", "end &#39;&#39; is not a date and time"),
        ("start=1999-03-04T06:00&end=2026-03-04T06:00", "at most"),
        ("start=0001-01-01T00:00&end=9999-12-31T23:00", "is not a date and time"),
    ],
)
def test_a_wrong_window_is_told(
    client: Any, as_user: Any, prosumer: Any, battery: Any, query: str, said: str
) -> None:
    with as_user(client, prosumer):
        answer = client.get(f"/assets/{battery.id}?{query}")
    assert answer.status_code == 400
    assert said in answer.text


def test_names_of_users_are_escaped(client: Any, as_user: Any, make_asset: Any, prosumer: Any) -> None:
    asset = make_asset(prosumer, "<script>alert(1)</script>")
    with as_user(client, prosumer):
        for page in ("/", f"/assets/{asset.id}"):
            text = client.get(page).text
            assert "<script>alert" not in text
            assert "&lt;script&gt;alert" in text


def test_pages_ask_nothing_of_other_hosts_and_hold_no_inline_code(
    client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    with as_user(client, prosumer):
        texts = {page: client.get(page.format(id=battery.id)).text for page in PAGES}
    texts["/login as visitor"] = client.get("/login").text
    for page, text in texts.items():
        assert not re.search(r'(src|href|action)="(https?:)?//', text), page
        assert not re.search(r"<script(?![^>]* src=)", text), page
        assert not re.search(r"<style|\sstyle=|\son\w+=\"|javascript:", text), page


def test_the_policy_allows_style_elements_only_beside_charts(
    client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    with as_user(client, prosumer):
        plain = client.get("/dashboard").headers["Content-Security-Policy"]
        charted = client.get(f"/assets/{battery.id}").headers["Content-Security-Policy"]
    for policy in (plain, charted):
        assert "default-src 'none'; script-src 'self'" in policy
        assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in plain
    assert "style-src-elem 'self' 'unsafe-inline'" in charted


def test_files_are_kept_for_ever_under_their_hash(client: Any) -> None:
    page = client.get("/login").text
    urls = re.findall(r'(?:src|href)="(/ui/static/[^"]+)"', page)
    assert len(urls) == 4
    for url in urls:
        plain = client.get(url, headers={"Accept-Encoding": "identity"})
        zipped = client.get(url, headers={"Accept-Encoding": "gzip"})
        assert plain.status_code == 200
        assert "immutable" in plain.headers["Cache-Control"]
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(zipped.data) == plain.data
        assert client.get(url.replace("static/", "static/0")).status_code == 404
    assert client.get("/ui/static/0/..%2F__init__.py").status_code == 404


@pytest.mark.contract("25.1")
def test_the_footer_leads_to_the_page_of_the_api(client: Any, as_user: Any, app: Any, prosumer: Any) -> None:
    link = '<a href="/api/v2_0/docs">API</a>'
    assert link in client.get("/login").text
    with as_user(client, prosumer):
        assert link in client.get("/assets").text
    assert client.get("/api/v2_0/docs").status_code == 200


def test_the_menu_follows_the_listed_views(client: Any, as_user: Any, app: Any, prosumer: Any) -> None:
    app.config["FLEXMEASURES_LISTED_VIEWS"] = ["assets", "our_metrics", "control", "portfolio", "dashboard"]
    with as_user(client, prosumer):
        page = client.get("/dashboard").text
    navigation = page[page.index("<nav") : page.index("</nav>")]
    hrefs = ["/assets", "/our_metrics", "/control", "/portfolio", "/dashboard"]
    assert re.findall(r'href="([^"]+)"', navigation) == hrefs
    assert "Our metrics" in navigation
    assert re.search(r'href="/dashboard" data-page="dashboard" aria-current="page"', navigation)


def test_plugins_bring_entries_of_the_menu(client: Any, as_user: Any, app: Any, prosumer: Any) -> None:
    class Guest:
        @hookimpl
        def menu_items(self, user: Any) -> list[MenuItem]:
            return [MenuItem(name="map", title=f"Map of {user.username}", url="/map", icon="no-such-icon")]

    manager = app.extensions["flexmeasures"].plugins.manager
    guest = Guest()
    manager.register(guest, "guest")
    try:
        with as_user(client, prosumer):
            page = client.get("/dashboard").text
    finally:
        manager.unregister(guest)
    assert "Map of prosumer" in page


def test_plugins_bring_panels_and_a_bad_one_harms_no_page(
    client: Any, as_user: Any, app: Any, prosumer: Any, battery: Any
) -> None:
    from flexmeasures_ui import Panel

    class Guest:
        @hookimpl
        def page_panels(self, place: str, user: Any, asset: Any) -> list[Panel]:
            about = f"{place} of {user.username}" if asset is None else asset.name
            content = Markup("<b>three</b> visits")
            return [Panel(title=f"Visits: {about}", content=content), Panel(title="Text", content="<i>a</i>")]

    class Bad:
        @hookimpl
        def page_panels(self, place: str) -> Any:
            return ["no panel"] if place == "asset" else 1 / 0

    manager = app.extensions["flexmeasures"].plugins.manager
    guests = [Guest(), Bad()]
    for each in guests:
        manager.register(each)
    try:
        with as_user(client, prosumer):
            pages = {path: client.get(path) for path in ("/dashboard", "/portfolio", "/analytics")}
            of_asset = client.get(f"/assets/{battery.id}")
    finally:
        for each in guests:
            manager.unregister(each)
    for path, page in pages.items():
        assert f"<h2>Visits: {path[1:]} of prosumer</h2><b>three</b> visits" in page.text
    assert "<h2>Visits: Cellar battery</h2>" in of_asset.text
    assert "&lt;i&gt;a&lt;/i&gt;" in of_asset.text
    assert "no panel" not in of_asset.text


def test_the_footer_tells_the_version(client: Any) -> None:
    from flexmeasures import __version__

    assert f"FlexMeasures {__version__} · times in UTC" in client.get("/login").text


def test_the_page_of_a_plugin_has_the_layout_and_menu(
    client: Any, as_user: Any, app: Any, prosumer: Any
) -> None:
    from flask import render_template_string

    with app.test_request_context("/metrics"):
        page = render_template_string('{% extends "base.html" %}{% block divs %}of my own{% endblock %}')
    assert "of my own" in page
    assert "flexmeasures.css" in page


def test_errors_stand_in_the_layout_or_are_json_when_asked_so(
    client: Any, as_user: Any, prosumer: Any
) -> None:
    page = client.get("/no-such-page")
    assert page.status_code == 404
    assert "<title>Not found - FlexMeasures</title>" in page.text
    assert 'href="/"' in page.text
    answer = client.get("/no-such-page", headers={"Content-Type": "application/json"})
    assert answer.status_code == 404
    assert answer.json["status"] == 404
    with as_user(client, prosumer):
        refused = client.post("/dashboard")
    assert refused.status_code == 405
    assert "GET" in refused.headers["Allow"]


def test_a_page_without_chart_does_not_import_bokeh(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from flexmeasures import auth
from flexmeasures.db import writing
from flexmeasures.testing import make_app

app = make_app(Path({str(tmp_path)!r}))
with app.app_context(), writing():
    user = auth.create_user("u", "u@example.com", "password-1", ["Prosumer"])
client = app.test_client()
with client.session_transaction() as session:
    session["_user_id"], session["_fresh"] = user.fs_uniquifier, True
print([client.get(page).status_code for page in ("/", "/assets", "/login")], "bokeh" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip().startswith("[200, 200, "), done.stderr
    assert done.stdout.strip().endswith("False")


def test_the_default_window_is_around_now_or_the_newest_data(
    client: Any, as_user: Any, make_asset: Any, store: Any, prosumer: Any, battery: Any
) -> None:
    old = make_asset(prosumer, "Museum mill", "wind")
    store(old, [-1.0] * 8, START.replace(year=2017))
    with as_user(client, prosumer):
        assert "These are the newest" not in client.get(f"/assets/{battery.id}").text
        page = client.get(f"/assets/{old.id}").text
    assert "There are no data around now; these are the newest." in page
    assert "start=2017-03-04T01:00Z&amp;end=2017-03-05T07:00Z" in page


def test_a_day_is_one_of_the_readers_clock_also_where_clocks_change(
    app: Any, client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    from flexmeasures.auth import update_user
    from flexmeasures.db import db, writing
    from flexmeasures.models import User

    with app.app_context(), writing():
        update_user(db.session.get_one(User, prosumer.id), {"timezone": "Europe/Amsterdam"})
    with (
        as_user(client, prosumer),
        clock(datetime(2026, 3, 29, 21, 30, tzinfo=UTC)),
    ):  # 23:30, a day of 23 hours
        page = client.get(f"/assets/{battery.id}").text
    links = {
        name: re.findall(r"=([\d-]+T[\d:]+Z)", address.replace("%3A", ":"))
        for address, name in re.findall(r'<a href="([^"]*)">(Yesterday|Today|Tomorrow)</a>', page)
    }
    assert links == {
        "Yesterday": ["2026-03-27T23:00Z", "2026-03-28T23:00Z"],
        "Today": ["2026-03-28T23:00Z", "2026-03-29T22:00Z"],
        "Tomorrow": ["2026-03-29T22:00Z", "2026-03-30T22:00Z"],
    }
