"""Forms: assets made, changed, deleted and planned; files uploaded in two steps; to each role."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from .conftest import HOUR, NOW

NEW = {
    "display_name": "Cellar battery",
    "asset_type_name": "battery",
    "capacity_in_mw": "0.5",
    "event_resolution": "15",
    "latitude": "52.1",
    "longitude": "4.9",
    "timezone": "Europe/Amsterdam",
    "min_soc_in_mwh": "",
    "max_soc_in_mwh": "2",
}


@pytest.fixture
def new(app: Any, prosumer: Any) -> dict[str, str]:
    """What is typed for a new asset of the prosumer."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Market

    with app.app_context():
        market = db.session.scalar(select(Market.id).order_by(Market.id))
    return NEW | {"market_id": str(market), "owner_id": str(prosumer.id)}


def assets_of(app: Any) -> list[Any]:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Asset

    with app.app_context():
        return list(db.session.scalars(select(Asset).order_by(Asset.id)))


@pytest.mark.contract("25.8")
def test_only_admins_make_assets_and_see_those_of_a_user(
    client: Any, prosumer: Any, admin: Any, battery: Any, as_user: Any, new: dict[str, str]
) -> None:
    for path in ("/assets/new", f"/assets/owned_by/{prosumer.id}"):
        assert client.get(path).status_code == 302
        with as_user(client, prosumer):
            assert client.get(path).status_code == 403
        with as_user(client, admin):
            assert client.get(path).status_code == 200
    with as_user(client, prosumer):
        assert client.post("/assets/create/", data=new).status_code == 403
        assert "New asset" not in client.get("/assets").text
    with as_user(client, admin):
        assert 'href="/assets/new"' in client.get("/assets").text
        assert battery.display_name in client.get(f"/assets/owned_by/{prosumer.id}").text
        assert client.get("/assets/owned_by/999").status_code == 404


@pytest.mark.contract("25.9")
def test_the_form_of_a_new_asset_offers_prosumers_as_owners_and_quarters_of_an_hour(
    client: Any, admin: Any, prosumer: Any, as_user: Any, make_user: Any
) -> None:
    make_user("meter-device", "MDC")
    with as_user(client, admin):
        page = client.get("/assets/new").text
    owners = page.partition('id="owner_id"')[2].partition("</select>")[0]
    assert prosumer.username in owners
    assert "meter-device" not in owners
    assert re.search(r'name="event_resolution" value="15"', page)


@pytest.mark.contract("25.8")
def test_an_asset_is_made_and_changed(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any, new: dict[str, str]
) -> None:
    with as_user(client, admin):
        answer = client.post("/assets/create/", data=new)
        assert answer.status_code == 303, answer.text
    (made,) = assets_of(app)
    assert (made.name, made.display_name, made.capacity_in_mw) == ("Cellar battery", "Cellar battery", 0.5)
    assert (made.event_resolution, made.min_soc_in_mwh, made.max_soc_in_mwh) == (
        timedelta(minutes=15),
        None,
        2,
    )
    with as_user(client, prosumer):
        form = client.get(f"/assets/{made.id}/edit").text
        assert 'value="Cellar battery"' in form
        assert 'value="15"' in form
        assert 'name="owner_id"' not in form
        changed = {key: value for key, value in new.items() if key != "owner_id"} | {"capacity_in_mw": "0.75"}
        assert client.post(f"/assets/{made.id}/", data=changed | {"max_soc_in_mwh": ""}).status_code == 303
    (found,) = assets_of(app)
    assert (found.capacity_in_mw, found.max_soc_in_mwh, found.display_name) == (0.75, None, "Cellar battery")


def test_what_is_wrong_stands_at_the_field_and_what_was_typed_is_kept(
    app: Any, client: Any, admin: Any, as_user: Any, new: dict[str, str]
) -> None:
    wrong = new | {
        "capacity_in_mw": "much",
        "latitude": "95",
        "display_name": "<b>Roof</b>",
        "market_id": "999",
    }
    with as_user(client, admin):
        answer = client.post("/assets/create/", data=wrong)
    assert answer.status_code == 422
    assert re.findall(r'<p class="field-error" id="(\w+)-error">', answer.text) == [
        "capacity_in_mw",
        "latitude",
        "market_id",
    ]
    assert 'value="much"' in answer.text
    assert 'value="&lt;b&gt;Roof&lt;/b&gt;"' in answer.text
    assert assets_of(app) == []


def flexibility_of(app: Any) -> dict[str, Any]:
    return dict((assets_of(app)[0].attributes or {}).get("flexibility") or {})


def test_what_an_asset_asks_of_its_schedules_is_changed_by_a_form(
    app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any
) -> None:
    path = f"/assets/{battery.id}/flexibility"
    with as_user(client, prosumer):
        assert f'href="{path}"' in client.get(f"/assets/{battery.id}").text
        form = client.get(path).text
        assert "Charge limit, MW" in form
        sent = {"charge_efficiency": "0.95", "relax": "true", "production_market_id": str(battery.market_id)}
        assert client.post(path, data=sent).status_code == 303
        assert flexibility_of(app) == {
            "charge_efficiency": 0.95,
            "relax": True,
            "production_market_id": battery.market_id,
        }
        form, page = client.get(path).text, client.get(f"/assets/{battery.id}").text
        assert 'value="0.95"' in form
        assert '<option value="true" selected>' in form
        assert "charge_efficiency = 0.95" in page
        assert re.search(r"Planned by</dt><dd>storage <span[^>]*>\(first scheduler that accepts", page)
        assert client.post(path, data={"charge_efficiency": ""}).status_code == 303
        assert flexibility_of(app) == {}


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("charge_efficiency", "11", "at most 10"),
        ("charge_efficiency", "a lot", "a number above 0"),
        ("relax", "perhaps", "true or false"),
        ("production_market_id", "99999", "market"),
    ],
)
def test_a_wish_that_cannot_be_stands_at_its_field_and_nothing_is_changed(
    app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any, key: str, value: str, accepted: str
) -> None:
    with as_user(client, prosumer):
        answer = client.post(
            f"/assets/{battery.id}/flexibility", data={key: value, "discharge_limit_in_mw": "1"}
        )
    assert answer.status_code == 422
    assert accepted in answer.text
    assert re.search(rf'id="{key}-error"|role="alert"', answer.text)
    assert flexibility_of(app) == {}


def test_only_who_may_change_an_asset_changes_its_flexibility(
    client: Any, make_user: Any, battery: Any, as_user: Any
) -> None:
    path = f"/assets/{battery.id}/flexibility"
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get(path).status_code == 404
        assert client.post(path, data={"relax": "true"}).status_code == 404


def test_an_asset_is_deleted_after_a_page_that_asks(
    app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any, make_user: Any
) -> None:
    path = f"/assets/delete_with_data/{battery.id}/"
    with as_user(client, make_user("other", "Prosumer")):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404
        assert client.get(f"/assets/{battery.id}/edit").status_code == 404
        assert client.post(f"/assets/{battery.id}/", data=NEW).status_code == 404
        assert client.post(f"/assets/{battery.id}/plan", data={"soc": "1"}).status_code == 404
    with as_user(client, prosumer):
        assert re.search(r"[1-9][\d,]* values", client.get(path).text)
        page = client.post(path, follow_redirects=True).text
    assert f"{battery.display_name} was deleted, with" in page
    assert battery.id not in [asset.id for asset in assets_of(app)]


def test_a_charging_station_is_offered_to_be_full_at_seven(
    client: Any, prosumer: Any, make_asset: Any, battery: Any, as_user: Any
) -> None:
    station = make_asset(prosumer, "Station", "one-way_evse", max_soc_in_mwh=0.06, min_soc_in_mwh=0)
    with as_user(client, prosumer):
        page, other = (client.get(f"/assets/{each.id}").text for each in (station, battery))
        assert 'name="target" inputmode="decimal" value="0.06"' in page
        assert 'name="target_time" value="2026-03-05T07:00"' in page
        assert 'name="target_time" value=""' in other


def test_a_plan_is_asked_for_with_a_target(
    app: Any, client: Any, prosumer: Any, as_user: Any, make_asset: Any, store: Any
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    car = make_asset(prosumer, "The car", "one-way_evse", min_soc_in_mwh=0, max_soc_in_mwh=5)
    with as_user(client, prosumer):
        assert "Plan now" in client.get(f"/assets/{car.id}").text
        target = {"soc": "1", "target": "2.5", "target_time": (NOW + 6 * HOUR).strftime("%Y-%m-%dT%H:00Z")}
        page = client.post(f"/assets/{car.id}/plan", data=target, follow_redirects=True).text
        assert "A schedule was asked for" in page
        for wrong, said in (
            ({"soc": "full"}, "is not a number of MWh"),
            ({"soc": "500"}, "state of charge"),
            ({"soc": "1", "target": "2", "target_time": "2020-01-01T00:00Z"}, "lies in the past"),
            ({"soc": "1", "target": "2", "target_time": "soon"}, "is not a date and time"),
        ):
            answer = client.post(f"/assets/{car.id}/plan", data=wrong)
            refused = answer.text
            assert answer.status_code == 422
            assert "Nothing was planned: " in refused
            assert said in refused
            for name, typed in wrong.items():
                assert re.search(rf'name="{name}"[^>]*value="{typed}"', refused)
            assert refused.count('aria-describedby="plan-error"') == 1
    with app.app_context():
        found = db.session.get_one(Asset, car.id)
        assert (found.soc_in_mwh, found.soc_udi_event_id) == (1, 1)


# -- uploads -------------------------------------------------------------------------------------------

FILE = b"t,kW\n2026-01-05 00:00,1000\n2026-01-05 00:15,-500\n"


def send(client: Any, about: Any, content: bytes = FILE, name: str = "load.csv", **more: str) -> Any:
    fields = {
        "sensor": str(about.id),
        "sign": "consumption-positive",
        "unit": "kW",
        "timezone": "Europe/Amsterdam",
    }
    return client.post("/upload", data={**fields, **more, "file": (io.BytesIO(content), name)})


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


def test_a_file_is_shown_as_it_would_be_stored_and_then_stored(
    client: Any, prosumer: Any, battery: Any, as_user: Any, run: Any
) -> None:
    with as_user(client, prosumer):
        shown = send(client, battery)
        assert shown.status_code == 200
        for said in (
            "2 values from Sun 4 Jan 2026 23:00",
            "consumption",
            "production",
            "Nothing is stored yet",
            "0.500",
        ):
            assert said in shown.text, said
        form = hidden(shown.text)
        stored = client.post("/upload/store", data=form)
        assert stored.status_code == 303, stored.text
        page = client.get(stored.headers["Location"]).text
        assert "Stored 2 new and 0 replaced values" in page
        again = client.post("/upload/store", data=form)
        assert again.status_code == 422
        assert "no longer here" in again.text
        twice = hidden(send(client, battery, FILE.replace(b"1000", b"900")).text)
        refused = client.post("/upload/store", data=twice)
        assert refused.status_code == 422
        assert "are stored already" in refused.text
        assert client.post("/upload/store", data=twice | {"replace": "on"}).status_code == 303


def test_a_file_that_is_wrong_is_refused_at_the_field(
    client: Any, prosumer: Any, battery: Any, as_user: Any, make_user: Any, make_asset: Any
) -> None:
    foreign = make_asset(make_user("other", "Prosumer"), "Foreign", "building")
    with as_user(client, prosumer):
        for content, more, place, said in (
            (FILE, {"timezone": ""}, "timezone", "wrong rows"),
            (FILE, {"sign": ""}, "sign", "“A positive value means” is required"),
            (FILE, {"unit": "m/s"}, "unit", "m/s"),
            (FILE, {"timezone": "Mars"}, "timezone", "Mars"),
            (FILE, {"valuecol": "volts"}, "valuecol", "no column of the file"),
            (FILE, {"sensor": str(foreign.id)}, "sensor", "No sensor is chosen"),
            (FILE, {"where": "t"}, "where", "COLUMN=TEXT"),
            (FILE, {"resolution": "often"}, "resolution", "is not understood"),
            (FILE, {"resolution": "0"}, "resolution", "is not understood"),
            (FILE, {"resolution": 5000 * "9"}, "resolution", "is not understood"),
            (FILE.replace(b"1000", b"1e9"), {}, "unit", "“Also more power than the asset can have”"),
            (b"", {}, "file", "holds no values"),
            (FILE, {"kind": "other"}, "kind", "is not understood"),
        ):
            answer = send(client, battery, content, **more)
            page = unescape(answer.text)
            assert answer.status_code == 422, said
            error = re.search(rf'<p class="field-error" id="{place}-error">(.*?)</p>', page)
            assert error, (place, re.findall("field-error.*", page))
            assert said in error[1]
            assert "uploads" not in page
        assert client.post("/upload", data={"sensor": str(battery.id)}).status_code == 422


def test_refused_rows_are_told_by_line_and_the_file_is_kept(
    client: Any, prosumer: Any, battery: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        page = unescape(send(client, battery, FILE.replace(b"-500", b"12,5").replace(b"1000", b"much")).text)
        rows = re.findall(r'<th scope="row" class="num">(\d)</th><td>(.*?)</td>', page)
        assert [line for line, _ in rows] == ["2", "3"]
        assert rows[0][1].startswith("column 1 (kW): 'much' is not a number")
        assert rows[1][1].startswith("3 columns, but the header has 2")
        assert "load.csv has wrong rows" in page
        kept = hidden(send(client, battery, sign="").text)
        fields = {"sensor": str(battery.id), "sign": "consumption-positive", "unit": "kW", "timezone": "UTC"}
        again = client.post("/upload", data=fields | {"token": kept["token"]})
        assert again.status_code == 200
        assert "load.csv is kept" in again.text
        taken = send(client, battery, FILE.replace(b"1000", b"1e9"), allow_implausible="on")
        assert taken.status_code == 200
        hourly = send(client, battery, FILE, resolution="15")
        assert hourly.status_code == 200


def test_files_of_others_cannot_be_stored(
    client: Any, prosumer: Any, battery: Any, as_user: Any, admin: Any
) -> None:
    with as_user(client, prosumer):
        form = hidden(send(client, battery).text)
    with as_user(client, admin):
        assert client.post("/upload/store", data=form).status_code == 422
        assert client.post("/upload/store", data=form | {"token": "../../secret_key"}).status_code == 422
    with as_user(client, prosumer):
        assert (
            client.post(
                "/upload/store", data=form | {"token": f"{prosumer.id}-x-../../secret_key"}
            ).status_code
            == 422
        )
        assert client.post("/upload/store", data=form).status_code == 303


def test_only_so_many_files_wait(app: Any, client: Any, prosumer: Any, battery: Any, as_user: Any) -> None:
    from pathlib import Path

    with as_user(client, prosumer):
        for _ in range(8):
            assert send(client, battery).status_code == 200
    names = [path.name for path in (Path(app.instance_path) / "uploads").iterdir()]
    assert len([name for name in names if name.startswith(f"{prosumer.id}-")]) == 5


def test_the_upload_is_for_those_who_own_or_watch_assets(
    client: Any, make_user: Any, as_user: Any, admin: Any
) -> None:
    assert client.get("/upload").status_code == 302
    with as_user(client, make_user("meter", "MDC")):
        assert client.get("/upload").status_code == 403
    with as_user(client, make_user("owner", "Prosumer")):
        assert "You own no asset yet" in client.get("/upload").text
    with as_user(client, admin):
        assert "dummy" in client.get("/upload").text.lower()


def test_durations_are_told_in_words_and_what_only_looks_like_one_stays() -> None:
    from flexmeasures_ui.editing.upload_words import in_words

    assert in_words("rows of PT15M, of PT1H or P2D") == "rows of 15 min, of 1 h or 2 days"
    for text in ("column P99999999999D", "PT", "P", "PUT", "P1D2"):
        assert in_words(text) == text
