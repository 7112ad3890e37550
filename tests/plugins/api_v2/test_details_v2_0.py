"""Details of v2.0 that stand in no other file: groups, notations, resolutions, names, horizons, origins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import asset_fields

if TYPE_CHECKING:
    from pathlib import Path

    from tests.plugins.conftest import Api, World

HOUR = {"start": "2015-01-01T00:00:00+00:00", "duration": "PT1H", "unit": "MW"}


@pytest.mark.contract("7.4")
def test_each_group_has_the_resolution_of_its_own_values(world: World, api: Api) -> None:
    building, site = world.address("building"), world.address("site")
    groups = [{"connection": building, "values": [1, 2, 3, 4]}, {"connection": site, "value": 5}]
    assert api.post("postMeterData", groups=groups, **HOUR).json["status"] == "PROCESSED"
    found = api.get("getMeterData", connections=[building, site], **HOUR).json["groups"]
    assert [group["values"] for group in found] == [[1, 2, 3, 4], [5, 5, 5, 5]]


@pytest.mark.contract("7.8")
def test_the_explicit_notation_of_time_series_is_not_taken(world: World, api: Api) -> None:
    slots = [{"start": HOUR["start"], "value": 1}]
    for keys in ({"timeseries": slots}, {"values": slots}):
        answer = api.post("postMeterData", connection=world.address("building"), **HOUR, **keys)
        assert (answer.status_code, answer.json["status"]) == (400, "PTUS_INCOMPLETE")
    assert world.count("building") == 0


@pytest.mark.contract("10.6")
def test_values_that_are_finer_or_do_not_fit_are_refused_and_days_of_prices_are_repeated(
    world: World, api: Api
) -> None:
    for duration, count in (("PT10M", 5), ("PT30M", 4)):
        keys = HOUR | {"duration": duration, "values": [1.0] * count}
        answer = api.post("postMeterData", connection=world.address("five"), **keys)
        assert (answer.json["status"], "PT5M" in answer.json["message"]) == ("INVALID_RESOLUTION", True)
    keys = HOUR | {"duration": "P7D", "unit": "EUR/MWh", "values": [float(day) for day in range(7)]}
    assert api.post("postPriceData", market="ea1.2018-06.localhost:epex_da", **keys).status_code == 200
    assert world.count("epex_da") == 7 * 24


@pytest.mark.contract("18.4")
def test_a_new_asset_gets_a_readable_name_without_its_unit_and_utc(world: World) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    owner, market = world.users["prosumer"].id, world.ids["epex_da"]
    fields = asset_fields("roof_of_the_barn (MW)", "solar", owner, market)
    made = world.clients["admin"].post("assets", **fields).json
    assert (made["name"], made["display_name"]) == ("roof_of_the_barn", "Roof of the barn")
    with world.app.app_context():
        assert db.session.get_one(Asset, made["id"]).timezone == "UTC"


@pytest.mark.contract("27.9", "12.2")
def test_a_horizon_counts_from_the_end_of_each_event(world: World, api: Api) -> None:
    keys = HOUR | {"connection": world.address("building")}
    api.post("postPrognosis", values=[1, 2, 3, 4], horizon="PT6H", **keys)
    assert api.get("getPrognosis", horizon="PT6H", **keys).json["values"] == [1, 2, 3, 4]
    assert api.get("getPrognosis", horizon="PT6H1M", **keys).json["values"] == []
    # Six hours before its end, only the first quarter was forecast by half past six the evening before.
    known = api.get("getPrognosis", prior="2014-12-31T18:15:00Z", **keys).json["values"]
    assert known == [1, None, None, None]


@pytest.mark.contract("21.10", "D2")
def test_the_prior_of_prices_counts_to_the_end_of_their_events_as_of_any_sensor(
    world: World, api: Api
) -> None:
    from datetime import timedelta

    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Source, belief

    keys = HOUR | {"duration": "PT2H", "unit": "EUR/MWh", "prior": "2014-12-31T12:00:00Z"}
    posted = api.post("postPriceData", market="ea1.2018-06.localhost:epex_da", values=[40, 50], **keys)
    assert posted.status_code == 200
    with world.app.app_context():
        users = select(Source.id).where(Source.type == "user")
        about = (belief.c.sensor_id == world.ids["epex_da"]) & belief.c.source_id.in_(users)
        found = db.session.scalars(select(belief.c.horizon).where(about).order_by(belief.c.event_start)).all()
    hours = [timedelta(milliseconds=h) if isinstance(h, int) else h for h in found]
    assert hours == [timedelta(hours=13), timedelta(hours=14)]


@pytest.mark.contract("23.5")
def test_pages_of_other_origins_may_ask_only_below_api_and_only_when_configured(tmp_path: Path) -> None:
    from flexmeasures.testing import make_app

    origin = "https://dashboard.example.com"

    def allowed(path: str, **settings: Any) -> tuple[str | None, str | None]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        headers = make_app(folder, **settings).test_client().get(path, headers={"Origin": origin}).headers
        return (
            headers.get("Access-Control-Allow-Origin"),
            headers.get("Access-Control-Allow-Credentials"),
        )

    assert allowed("/api/") == (None, None)
    assert allowed("/api/", CORS_ORIGINS=[origin]) == (origin, "true")
    assert allowed("/health", CORS_ORIGINS=[origin]) == (None, None)
    assert allowed("/api/", CORS_ORIGINS=["https://elsewhere.example.com"])[0] is None
