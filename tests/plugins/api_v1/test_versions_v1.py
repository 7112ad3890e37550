"""What versions 1.0 to 1.3 have in common, and where each differs (contract, sections 1, 5, 11, 14, 15)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from tests.plugins.conftest import World

VERSIONS = ("v1", "v1_1", "v1_2", "v1_3")
DATA = ["getConnection", "getMeterData", "postMeterData", "getPrognosis", "postPrognosis",
        "postPriceData", "postWeatherData"]  # fmt: skip
FLEXIBILITY = ["getDeviceMessage", "postUdiEvent"]
USEF = ["Aggregator", "Supplier", "MDC", "DSO", "Prosumer", "ESCo"]
LISTED = {
    "v1": ["getMeterData", "postMeterData"],
    "v1_1": DATA,
    "v1_2": DATA + FLEXIBILITY,
    "v1_3": DATA + FLEXIBILITY,
}
DAY = {"start": "2015-01-01T00:00:00+00:00", "duration": "PT1H", "unit": "MW"}
HOUR_OF_QUARTERS = [1.0, 2.0, 3.0, 4.0]

every_version = pytest.mark.parametrize("version", VERSIONS)
from_v1_1_on = pytest.mark.parametrize("version", VERSIONS[1:])


def of(world: World, version: str, name: str = "prosumer") -> Api:
    return replace(world.clients[name], base=f"/api/{version}")


def horizons(world: World, name: str) -> list[float]:
    """Hours of the horizons of what users said of a sensor, in order of its events."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Source, belief

    with world.app.app_context():
        users = select(Source.id).where(Source.type == "user")
        rows = db.session.execute(
            select(belief.c.horizon)
            .where(belief.c.sensor_id == world.ids[name], belief.c.source_id.in_(users))
            .order_by(belief.c.event_start)
        ).scalars()
        return [row / 3_600_000 if isinstance(row, int) else row.total_seconds() / 3600 for row in rows]


def jobs_of(world: World, name: str) -> int:
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Job

    with world.app.app_context():
        query = select(func.count()).where(Job.sensor_id == world.ids[name], Job.function == "forecast")
        return int(db.session.scalar(query) or 0)


# -- listings ------------------------------------------------------------------------------------------


@pytest.mark.contract("1.2", "14.1")
def test_all_versions_are_listed(client: FlaskClient) -> None:
    body = client.get("/api/").json
    assert body is not None
    assert body["versions"] == ["v1", "v1_1", "v1_2", "v1_3", "v2_0"]


@every_version
@pytest.mark.contract("14.2", "1.2")
def test_services_are_listed_in_order_with_their_roles_and_each_is_served(
    version: str, client: FlaskClient
) -> None:
    body = client.get(f"/api/{version}/getService").json
    assert body is not None
    assert body["version"] == {"v1": "1.0", "v1_1": "1.1", "v1_2": "1.2", "v1_3": "1.3"}[version]
    assert [service["name"] for service in body["services"]] == LISTED[version]
    for service in body["services"]:
        name = service["name"]
        assert service["access"] == (["Prosumer", "ESCo"] if name in FLEXIBILITY else USEF)
        method = "POST" if name.startswith("post") else "GET"
        assert client.open(f"/api/{version}/{name}", method=method).status_code == 401
    for name in {*DATA, *FLEXIBILITY} - {*LISTED[version]}:
        assert client.get(f"/api/{version}/{name}").status_code == 404


@pytest.mark.contract("1.2")
def test_only_v1_takes_meter_data_requests_by_post(world: World) -> None:
    connection = world.address("building")
    body = {"type": "GetMeterDataRequest", "connection": connection} | DAY
    assert of(world, "v1").post("getMeterData", **body).json["status"] == "PROCESSED"
    for version in VERSIONS[1:]:
        answer = of(world, version).post("getMeterData", **body)
        assert (answer.status_code, answer.json["status"]) == (405, "INVALID_METHOD")


@pytest.mark.contract("6.5", "27.15")
def test_only_v1_takes_simplified_addresses(world: World) -> None:
    bare = str(world.ids["building"])
    for simplified in (bare, f"7:{bare}"):
        keys = {"connection": simplified, "values": HOUR_OF_QUARTERS} | DAY
        assert of(world, "v1").post("postMeterData", **keys).json["status"] == "PROCESSED"
        got = of(world, "v1").get("getMeterData", connection=simplified, **DAY).json
        assert (got["connection"], got["values"]) == (simplified, HOUR_OF_QUARTERS)
        for version in (*VERSIONS[1:], "v2_0"):
            answer = of(world, version).post("postMeterData", **keys)
            assert answer.json["status"] == "INVALID_DOMAIN", version
    answer = of(world, "v1").get("getMeterData", connection="CS 1", **DAY)
    assert answer.json["status"] == "INVALID_DOMAIN"


# -- recording times -----------------------------------------------------------------------------------


@every_version
@pytest.mark.contract("11.5", "27.6")
def test_without_horizon_each_value_was_recorded_right_after_its_event(version: str, world: World) -> None:
    keys = {"connection": world.address("building"), "values": HOUR_OF_QUARTERS} | DAY
    answer = of(world, version).post("postMeterData", prior="no time at all", **keys)
    assert answer.json["status"] == "PROCESSED"  # prior is not known here
    assert horizons(world, "building") == [0, 0, 0, 0]


@every_version
@pytest.mark.contract("11.5", "27.6")
def test_a_plain_horizon_is_anchored_at_the_end_and_a_repeating_one_rolls(version: str, world: World) -> None:
    for name, horizon, expected in (
        ("building", "-PT1H", [-1.75, -1.5, -1.25, -1]),
        ("site", "R/-PT1H", [-1, -1, -1, -1]),
    ):
        keys = {"connection": world.address(name), "values": HOUR_OF_QUARTERS, "horizon": horizon} | DAY
        assert of(world, version).post("postMeterData", **keys).json["status"] == "PROCESSED"
        assert horizons(world, name) == expected


@from_v1_1_on
@pytest.mark.contract("11.5")
def test_the_documented_horizon_of_prognoses_prices_and_weather_is_anchored(
    version: str, world: World
) -> None:
    api = of(world, version)
    keys = {"connection": world.address("building"), "values": HOUR_OF_QUARTERS, "horizon": "PT6H"} | DAY
    assert api.post("postPrognosis", **keys).json["status"] == "PROCESSED"
    assert horizons(world, "building") == [5.25, 5.5, 5.75, 6]
    keys = {"market": "ea1.2018-06.localhost:epex_da", "values": [52.37, 51.14], "horizon": "PT33H"}
    when = {"start": "2015-01-01T00:00:00+09:00", "duration": "PT2H", "unit": "EUR/MWh"}
    assert api.post("postPriceData", **keys, **when).json["status"] == "PROCESSED"
    assert horizons(world, "epex_da") == [32, 33]
    keys = {"sensor": "ea1.2018-06.localhost:temperature:33.4843866:126.477859", "values": [20.04, 20.23]}
    when = {"start": "2015-01-01T00:00:00+09:00", "duration": "PT30M", "unit": "°C", "horizon": "R/PT3H"}
    assert api.post("postWeatherData", **keys, **when).json["status"] == "PROCESSED"
    assert horizons(world, "thermometer") == [3, 3]


@every_version
@pytest.mark.contract("11.6", "11.9")
def test_meter_data_of_the_future_and_horizons_that_are_none_are_refused(version: str, world: World) -> None:
    keys = {"connection": world.address("building"), "values": HOUR_OF_QUARTERS} | DAY
    for horizon in ("PT1H", "R/PT1H", "T6H", "", "R/"):
        answer = of(world, version).post("postMeterData", horizon=horizon, **keys)
        assert (answer.status_code, answer.json["status"]) == (400, "INVALID_HORIZON"), horizon
    assert world.count("building") == 0


@from_v1_1_on
@pytest.mark.contract("11.7")
def test_a_prognosis_has_to_state_its_horizon(version: str, world: World) -> None:
    keys = {"connection": world.address("building"), "values": HOUR_OF_QUARTERS} | DAY
    answer = of(world, version).post("postPrognosis", **keys)
    assert answer.json["status"] == "INVALID_HORIZON"
    assert "R/PT6H" in answer.json["message"]
    assert world.count("building") == 0


@from_v1_1_on
@pytest.mark.contract("17.1", "14.6")
def test_prognoses_ask_for_forecasts_when_they_were_recorded_after_the_fact(
    version: str, world: World
) -> None:
    keys = {"values": HOUR_OF_QUARTERS} | DAY
    api = of(world, version)
    api.post("postPrognosis", connection=world.address("building"), horizon="PT6H", **keys)
    assert jobs_of(world, "building") == 0
    api.post("postPrognosis", connection=world.address("site"), horizon="PT0H", **keys)
    assert jobs_of(world, "site") == 1


# -- flexibility ---------------------------------------------------------------------------------------

AT = "2015-06-02T10:00:00+00:00"
SOC = {"value": 12.1, "unit": "kWh", "datetime": AT}


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.7", "15.9", "15.10")
def test_v1_2_plans_on_request_without_a_job(world: World) -> None:
    from sqlalchemy import func, select

    from flexmeasures.db import db
    from flexmeasures.models import Job, StoredSchedule

    api, event = of(world, "v1_2"), world.event("battery", 203)
    assert api.post("postUdiEvent", event=event, **SOC).json["status"] == "PROCESSED"
    message = api.get("getDeviceMessage", event=event).json
    assert (message["event"], message["unit"], message["duration"]) == (event, "MW", "PT6H")
    assert (message["start"], len(message["values"])) == ("2015-06-02T10:00:00Z", 24)
    day = api.get("getDeviceMessage", event=event, duration="P1D").json["values"]
    assert day[:24] == message["values"]
    assert sum(day) * 0.25 == pytest.approx(-0.0121)  # sold out at the end of the day that was planned
    assert len(api.get("getDeviceMessage", event=event, duration="P7D").json["values"]) == 192
    with world.app.app_context():
        scheduling = select(func.count()).where(Job.function == "schedule")
        assert db.session.scalar(scheduling) == 0
        assert db.session.scalar(select(func.count()).select_from(StoredSchedule)) == 0


@pytest.mark.contract("16.7", "15.7")
def test_v1_2_does_not_prefer_to_charge_sooner(world: World) -> None:
    keys = {"start": "2015-06-02T00:00:00Z", "duration": "P4D", "unit": "EUR/MWh", "horizon": "P1D"}
    market = "ea1.2018-06.localhost:epex_da"
    world.clients["admin"].post("postPriceData", market=market, values=[50.0] * 96, **keys)
    event = world.event("battery", 1)
    of(world, "v1_2").post("postUdiEvent", event=event, **SOC | {"value": 1, "unit": "MWh"})
    with world.app.app_context():
        from datetime import timedelta

        import flexmeasures_scheduling as scheduling
        from flexmeasures.db import db
        from flexmeasures.models import Asset

        asset = db.session.get(Asset, world.ids["battery"])
        assert asset is not None
        problem, schedule = scheduling.plan_now(asset, timedelta(hours=24))
        assert not problem.prefer_charging_sooner
        assert schedule.objective == pytest.approx(sum(schedule.costs.values()))


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.1", "15.2", "15.17", "27.28")
def test_v1_2_knows_plain_events_of_batteries_and_their_last_one_only(world: World) -> None:
    api = of(world, "v1_2")
    for event, status in (
        (world.event("battery", 203, "soc-with-targets"), "UNRECOGNIZED_UDI_EVENT"),
        (world.event("evse", 203), "INVALID_DOMAIN"),
        (world.event("foreign", 203), "UNRECOGNIZED_CONNECTION_GROUP"),
    ):
        assert api.post("postUdiEvent", event=event, **SOC).json["status"] == status
        assert api.get("getDeviceMessage", event=event).json["status"] == status
    assert (
        api.get("getDeviceMessage", event=world.event("battery", 203)).json["status"]
        == "UNRECOGNIZED_UDI_EVENT"
    )
    api.post("postUdiEvent", event=world.event("battery", 203), **SOC)
    answer = api.get("getDeviceMessage", event=world.event("battery", 202))
    assert answer.json["status"] == "UNRECOGNIZED_UDI_EVENT"


@pytest.mark.contract("15.17", "4.1", "27.28")
def test_v1_2_tells_a_missing_market_and_missing_prices_apart(world: World) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    api, event = of(world, "v1_2"), world.event("battery", 203)
    api.post("postUdiEvent", event=event, **SOC)
    answer = api.get("getDeviceMessage", event=event)
    assert (answer.status_code, answer.json["status"]) == (400, "UNKNOWN_PRICES")
    with world.app.app_context(), writing():
        asset = db.session.get(Asset, world.ids["battery"])
        assert asset is not None
        asset.market_id = None
    answer = api.get("getDeviceMessage", event=event)
    assert (answer.status_code, answer.json["status"]) == (400, "INVALID_MARKET")


@pytest.mark.parametrize(("version", "equal"), [("v1_2", "INVALID_DATETIME"), ("v1_3", "PROCESSED")])
@pytest.mark.contract("15.4")
def test_an_equal_datetime_is_refused_by_v1_2_only(version: str, equal: str, world: World) -> None:
    api = of(world, version)
    assert api.post("postUdiEvent", event=world.event("battery", 1), **SOC).json["status"] == "PROCESSED"
    assert api.post("postUdiEvent", event=world.event("battery", 2), **SOC).json["status"] == equal
    later = SOC | {"datetime": "2015-06-02T10:15:00+00:00"}
    outdated = api.post("postUdiEvent", event=world.event("battery", 1), **later)
    assert outdated.json["status"] == "OUTDATED_UDI_EVENT"


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.1", "15.2", "15.7")
def test_v1_3_plans_by_jobs_also_with_targets_and_for_charging_stations(world: World) -> None:
    api, event = of(world, "v1_3"), world.event("evse", 204, "soc-with-targets")
    target = {"value": 25, "datetime": "2015-06-02T16:00:00+00:00"}
    assert api.post("postUdiEvent", event=event, **SOC, targets=[target]).json["status"] == "PROCESSED"
    message = api.get("getDeviceMessage", event=event).json
    assert sum(message["values"]) * 0.25 == pytest.approx((25 - 12.1) / 1000)


# -- deprecation ---------------------------------------------------------------------------------------


@every_version
def test_answers_say_since_when_the_version_is_deprecated_and_what_succeeds_it(
    version: str, world: World, client: FlaskClient
) -> None:
    for answer in (
        client.get(f"/api/{version}/getService"),
        of(world, version).get("getMeterData", connection="nonsense"),
    ):
        assert answer.headers["Deprecation"] == "@1605312000"  # 14 November 2020
    link = client.get(f"/api/{version}/getService").headers["Link"]
    assert link == '</api/v2_0/getService>; rel="successor-version"'
    assert "Deprecation" not in client.get("/api/v2_0/getService").headers


def test_which_versions_are_deprecated_is_configurable(
    app: Any, client: FlaskClient, monkeypatch: Any
) -> None:
    wanted = {"v1": "2026-01-01", "v1_1": "soon", "v2_0": "2026-01-01T00:00:00+01:00"}
    monkeypatch.setitem(app.config, "FLEXMEASURES_DEPRECATED_API_VERSIONS", wanted)
    found = {
        version: client.get(f"/api/{version}/getService").headers.get("Deprecation")
        for version in ("v1", "v1_1", "v1_2", "v2_0")
    }
    assert found == {"v1": "@1767225600", "v1_1": None, "v1_2": None, "v2_0": "@1767222000"}
