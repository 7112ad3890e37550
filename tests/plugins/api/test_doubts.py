"""What the API moves or doubts, and tells: starts near the grid, clocks that differ, magnitudes, in each version."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from tests.plugins.conftest import PLACE, Api

from flexmeasures.timing import clock, iso_time

if TYPE_CHECKING:
    from tests.plugins.conftest import World

VERSIONS = ("v1", "v1_1", "v1_2", "v1_3", "v2_0")
HOUR = {"duration": "PT1H", "unit": "MW"}
START = datetime(2015, 1, 1, tzinfo=UTC)
PROCESSED = "Request has been processed."

every_version = pytest.mark.parametrize("version", VERSIONS)
from_v1_1_on = pytest.mark.parametrize("version", VERSIONS[1:])


def of(world: World, version: str, name: str = "prosumer") -> Api:
    return replace(world.clients[name], base=f"/api/{version}")


def warnings(answer: Any, version: str) -> str:
    """What an answer of that version tells beside that it was processed; where it tells it is asserted."""
    assert answer.status_code == 200, answer.json
    if version == "v2_0":
        assert answer.json["message"] == PROCESSED
        return " ".join(answer.json.get("warnings", []))
    assert "warnings" not in answer.json
    assert answer.json["message"].startswith(PROCESSED)
    return str(answer.json["message"].removeprefix(PROCESSED).strip())


def address(world: World, version: str, name: str) -> str:
    return f"1:{world.ids[name]}" if version == "v1" else world.address(name)


def post(world: World, version: str, name: str = "building", **keys: Any) -> Any:
    body = HOUR | {
        "connection": address(world, version, name),
        "values": [1, 2, 3, 4],
        "start": iso_time(START),
    }
    return of(world, version).post("postMeterData", **body | keys)


def got(world: World, version: str, **keys: Any) -> list[float]:
    body = HOUR | {"connection": address(world, version, "building"), "start": iso_time(START)}
    values: list[float] = of(world, version).get("getMeterData", **body | keys).json["values"]
    return values


# -- the grid (D15) ------------------------------------------------------------------------------------


@pytest.mark.contract("D15", "7.6")
@every_version
def test_a_start_near_a_slot_is_moved_there_and_told(version: str, world: World) -> None:
    told = warnings(post(world, version, start="2015-01-01T00:00:03Z"), version)
    assert told == "start 2015-01-01T00:00:03Z was moved to 2015-01-01T00:00:00Z, where a slot starts."
    assert got(world, version) == [1, 2, 3, 4]
    assert warnings(post(world, version, values=[5, 6, 7, 8]), version) == ""
    assert got(world, version) == [5, 6, 7, 8]


@pytest.mark.contract("D15", "7.6")
@every_version
def test_a_start_far_from_any_slot_is_refused_with_the_two_nearest(version: str, world: World) -> None:
    refused = post(world, version, start="2015-01-01T01:10:00+01:00")
    assert (refused.status_code, refused.json["status"]) == (400, "INVALID_PERIOD")
    for said in ("PT15M", "1970-01-01T00:00Z", "2015-01-01T01:00:00+01:00", "2015-01-01T01:15:00+01:00"):
        assert said in refused.json["message"]
    assert world.count("building") == 0


@pytest.mark.contract("D15")
@from_v1_1_on
def test_prices_and_weather_lie_on_their_grids_too(version: str, world: World) -> None:
    api = of(world, version, "supplier")
    prices = {
        "market": "ea1.2018-06.localhost:epex_da",
        "values": [1.0, 2.0],
        "unit": "EUR/MWh",
        "duration": "PT2H",
    }
    weather = {"sensor": f"ea1.2018-06.localhost:temperature:{PLACE[0]}:{PLACE[1]}", "unit": "°C"}
    weather |= {"values": [1.0, 2.0], "duration": "PT30M"}
    for service, body in (("postPriceData", prices), ("postWeatherData", weather)):
        body |= {"horizon": "R/PT0H" if version != "v2_0" else "PT0H"}
        moved = api.post(service, **body | {"start": "2015-01-01T00:00:02Z"})
        assert "was moved to 2015-01-01T00:00:00Z" in warnings(moved, version)
        refused = api.post(service, **body | {"start": "2015-01-01T00:03:00Z"})
        assert (refused.status_code, refused.json["status"]) == (400, "INVALID_PERIOD")


@pytest.mark.contract("D15")
def test_the_resolution_of_an_asset_stays_while_it_has_values(world: World) -> None:
    api = world.clients["prosumer"]

    def patch(minutes: int) -> Any:
        path = f"{api.base}/asset/{world.ids['building']}"
        return api.client.patch(path, json={"event_resolution": minutes}, headers=api.headers)

    assert [patch(minutes).status_code for minutes in (60, 15)] == [200, 200]
    assert post(world, "v2_0").status_code == 200
    assert patch(15).status_code == 200
    refused = patch(60)
    assert refused.status_code == 422
    assert "while there are values" in str(refused.json["message"]["json"]["event_resolution"])
    assert got(world, "v2_0") == [1, 2, 3, 4]


# -- clocks (D17) --------------------------------------------------------------------------------------


@pytest.mark.contract("D17", "11.3", "12.3")
@every_version
@pytest.mark.parametrize("ahead", [10, 60])
def test_what_comes_shortly_before_its_slot_ends_is_a_measurement(
    version: str, world: World, ahead: int
) -> None:
    with clock(START + timedelta(hours=1, seconds=-ahead)):
        assert warnings(post(world, version), version) == ""
    assert got(world, version) == [1, 2, 3, 4]


@pytest.mark.contract("D17")
@every_version
def test_a_clock_that_is_ahead_by_more_is_told_in_the_answer_and_on_the_job(
    version: str, world: World
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Job

    with clock(START + timedelta(minutes=58)):
        told = warnings(post(world, version), version)
    assert "PT2M after the server's clock (2015-01-01T00:58:00Z)" in told
    assert "Is the clock of the device right?" in told
    with world.app.app_context():
        job = db.session.scalars(select(Job).where(Job.sensor_id == world.ids["building"])).one()
        assert job.arguments["warnings"] == [told]
    assert got(world, version) == ([1, 2, 3, None] if version == "v2_0" else [1, 2, 3, 4])


@pytest.mark.contract("D17")
def test_a_stated_time_of_recording_is_taken_as_it_is(world: World) -> None:
    with clock(START + timedelta(minutes=58)):
        assert warnings(post(world, "v2_0", horizon="PT0M"), "v2_0") == ""
    assert got(world, "v2_0") == [1, 2, 3, 4]


@pytest.mark.contract("D17")
def test_the_tolerance_is_a_setting(world: World) -> None:
    world.app.config["FLEXMEASURES_CLOCK_TOLERANCE"] = timedelta(0)
    with clock(START + timedelta(minutes=59, seconds=50)):
        assert "PT10S after the server's clock" in warnings(post(world, "v2_0"), "v2_0")
    assert got(world, "v2_0") == [1, 2, 3, None]


# -- magnitudes (D18) ----------------------------------------------------------------------------------


@pytest.mark.contract("D18")
@every_version
def test_power_far_above_the_capacity_is_stored_and_told(version: str, world: World) -> None:
    told = warnings(post(world, version, values=[1, 20, 20.5, 2500]), version)
    assert told.startswith(
        "2 of 4 values are more than 10 times the capacity of asset building: the largest is 2500 MW"
    )
    assert got(world, version) == [1, 20, 20.5, 2500]


@pytest.mark.contract("D18", "15.5")
@pytest.mark.parametrize("version", ["v1_2", "v1_3", "v2_0"])
@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (5.4, "MWh", ""),
        (5.6, "MWh", "5.6 MWh, is not between"),
        (4000, "MWh", "800 times"),
        (-600, "kWh", "-0.6 MWh"),
    ],
)
def test_a_state_of_charge_far_outside_of_the_store_is_taken_and_told(
    version: str, world: World, value: float, unit: str, said: str
) -> None:
    event = {
        "event": world.event("battery", 1),
        "datetime": "2015-01-01T00:00:00Z",
        "value": value,
        "unit": unit,
    }
    told = warnings(of(world, version).post("postUdiEvent", **event), version)
    assert said in told
    assert bool(told) == bool(said)


@pytest.mark.contract("D18", "15.5")
@pytest.mark.parametrize("version", ["v1_3", "v2_0"])
def test_a_target_above_the_store_is_told_in_the_answer_and_by_the_schedule(
    version: str, world: World, prices: None
) -> None:
    from flexmeasures import jobs
    from flexmeasures.db import db
    from flexmeasures.models import Job

    name = world.event("evse", 1, "soc-with-targets")
    event = {"event": name, "datetime": "2015-06-02T00:00:00Z", "value": 1, "unit": "MWh"}
    event |= {"targets": [{"value": 5.1, "datetime": "2015-06-02T06:00:00Z"}]}
    api = of(world, version)
    said = "A target of asset evse, 5.1 MWh, is above the most that it stores, 5 MWh."
    assert said in warnings(api.post("postUdiEvent", **event), version)
    with world.app.app_context():
        jobs.work(burst=True)
        job = db.session.scalars(select(Job).where(Job.queue == "scheduling")).one()
        assert said in " ".join(job.result["warnings"])
    assert said in warnings(api.get("getDeviceMessage", event=name), version)


# -- targets after the last price (D16) ----------------------------------------------------------------


@pytest.mark.contract("D16", "16.6")
@pytest.mark.parametrize("version", ["v1_3", "v2_0"])
def test_a_target_after_the_last_price_is_reached_and_the_assumed_prices_are_told(
    version: str, world: World, prices: None
) -> None:
    from flexmeasures import jobs
    from flexmeasures.db import db
    from flexmeasures.models import Job

    name = world.event("evse", 1, "soc-with-targets")
    event = {"event": name, "datetime": "2015-06-05T22:00:00Z", "value": 1, "unit": "MWh"}
    event |= {"targets": [{"value": 5, "datetime": "2015-06-06T01:00:00Z"}]}
    api = of(world, version)
    assert warnings(api.post("postUdiEvent", **event), version) == ""
    said = "Prices of market epex_da from 2015-06-06T00:00:00Z until"  # forecasters had them by then
    with world.app.app_context():
        jobs.work(burst=True)
        job = db.session.scalars(select(Job).where(Job.queue == "scheduling")).one()
        assert said in " ".join(job.result["warnings"])
    plan = api.get("getDeviceMessage", event=name)
    assert said in warnings(plan, version)
    assert sum(plan.json["values"][:12]) / 4 == pytest.approx(4)
