"""Posting and getting data in v2.0, on a real app and database: values there and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

from .messages import OTHER, POWER, SIX, START, meter, status


@pytest.mark.contract("14.4", "14.5", "9.1", "1.6")
def test_meter_data_come_back_as_posted(world: World, api: Api) -> None:
    posted = api.post("postMeterData", **meter(world, "building"))
    assert posted.status_code == 200
    assert posted.json == {
        "type": "PostMeterDataResponse",
        "status": "PROCESSED",
        "message": "Request has been processed.",
        "warnings": [
            (
                "4 of 6 values are more than 10 times the capacity of asset building: the largest is 306.66 MW,"
                " 153 times its 2 MW. Was the unit right?"
            )
        ],
    }
    got = api.get("getMeterData", connection=world.address("building"), **POWER)
    assert got.json == {
        "type": "GetMeterDataResponse",
        "connection": world.address("building"),
        "values": SIX,
        "start": START,
        "duration": "PT1H30M",
        "unit": "MW",
        "status": "PROCESSED",
        "message": "Request has been processed.",
    }


@pytest.mark.contract("7.5")
def test_groups_of_the_documented_example_are_merged_by_value(world: World, api: Api) -> None:
    groups = [
        {"connections": [world.address("building"), world.address("evse")], "values": SIX},
        {"connections": [world.address("site")], "values": OTHER},
    ]
    assert api.post("postMeterData", **POWER, groups=groups).status_code == 200
    names = ["building", "site", "evse"]
    got = api.get("getMeterData", connection=[world.address(name) for name in names], **POWER).json
    assert got["groups"] == [
        {"connections": [world.address("building"), world.address("evse")], "values": SIX},
        {"connection": world.address("site"), "values": OTHER},
    ]
    flat = api.get("getMeterData", connections=f'["{world.address("building")}"]', **POWER).json
    assert "groups" not in flat
    assert flat["values"] == SIX


@pytest.mark.contract("14.6", "11.4")
def test_the_documented_prognosis_is_stored_and_read(world: World, api: Api) -> None:
    groups = [
        {"connections": [world.address("building"), world.address("evse")], "values": SIX},
        {"connections": [world.address("site")], "values": OTHER},
    ]
    assert api.post("postPrognosis", **POWER, groups=groups, prior="2014-12-31T17:00:00Z").status_code == 200
    query = POWER | {"horizon": "PT6H", "resolution": "PT15M", "connection": world.address("building")}
    got = api.get("getPrognosis", **query)
    assert (got.json["type"], got.json["values"]) == ("GetPrognosisResponse", SIX)


@pytest.mark.parametrize(("count", "meant"), [(25, "PT25H"), (100, "PT25H"), (92, "PT23H"), (26, None)])
def test_values_of_a_day_on_which_clocks_change_get_a_hint(
    world: World, api: Api, count: int, meant: str | None
) -> None:
    period = {"start": "2026-10-25T00:00:00+02:00", "duration": "P1D", "values": [0.0] * count}
    refused = api.post("postMeterData", **meter(world, "building", **period))
    assert refused.json["status"] == "INVALID_RESOLUTION"
    assert ("was PT" in refused.json["message"]) == (meant is not None)
    if meant is not None:
        assert f"was {meant} meant?" in refused.json["message"]
        accepted = api.post("postMeterData", **meter(world, "building", **period | {"duration": meant}))
        assert accepted.status_code == 200


@pytest.mark.contract("7.3")
def test_one_value_counts_for_each_connection(world: World, api: Api) -> None:
    keys = meter(world, "building", "site", value=10, start=START, duration="PT0H15M", horizon="-PT5M")
    del keys["values"]
    assert api.post("postMeterData", **keys).status_code == 200
    connections = [world.address("building"), world.address("site")]
    got = api.get("getMeterData", connection=connections, **POWER | {"duration": "PT15M"}).json
    assert got["connections"] == connections
    assert got["values"] == [10.0]


@pytest.mark.contract("10.4", "1.10")
def test_gaps_are_null_and_nothing_at_all_is_an_empty_list(world: World, api: Api) -> None:
    api.post("postMeterData", **meter(world, "building"))
    longer = POWER | {"duration": "PT2H"}
    assert api.get("getMeterData", connection=world.address("building"), **longer).json["values"] == [
        *SIX,
        None,
        None,
    ]
    empty = api.get("getMeterData", connection=world.address("site"), **POWER)
    assert (empty.status_code, empty.json["values"]) == (200, [])


@pytest.mark.contract("1.11")
def test_times_are_answered_in_the_offset_of_the_request(world: World, api: Api) -> None:
    api.post("postMeterData", **meter(world, "building"))
    query = POWER | {"start": "2015-01-01T09:00:00+09:00", "duration": "PT90M"}
    got = api.get("getMeterData", connection=world.address("building"), **query).json
    assert (got["start"], got["duration"], got["values"]) == ("2015-01-01T09:00:00+09:00", "PT1H30M", SIX)


@pytest.mark.contract("10.1", "27.13")
def test_coarser_values_are_repeated_and_finer_ones_refused(world: World, api: Api) -> None:
    assert api.post("postMeterData", **meter(world, "building", values=[1, 2, 3])).status_code == 200
    got = api.get("getMeterData", connection=world.address("building"), **POWER)
    assert got.json["values"] == [1, 1, 2, 2, 3, 3]
    refused = api.post("postMeterData", **meter(world, "site", values=[1] * 18))
    assert status(refused) == "INVALID_RESOLUTION"
    assert "PT15M" in refused.json["message"]


@pytest.mark.contract("10.3")
def test_downsampling_takes_means_on_the_clock(world: World, api: Api) -> None:
    api.post("postMeterData", **meter(world, "building", values=[1, 2, 3, 4, 5, 6]))
    hourly = api.get("getMeterData", connection=world.address("building"), resolution="PT1H", **POWER)
    assert hourly.json["values"] == [2.5, 5.5]
    for resolution in ("PT20M", "PT5M", "15M", "P1M"):
        wrong = api.get("getMeterData", connection=world.address("building"), resolution=resolution, **POWER)
        assert status(wrong) == "INVALID_RESOLUTION"


@pytest.mark.contract("10.2")
def test_sensors_of_one_post_share_one_resolution(world: World, api: Api) -> None:
    refused = api.post("postMeterData", **meter(world, "building", "five"))
    assert status(refused) == "INVALID_RESOLUTION"
    assert "PT15M" in refused.json["message"]
    assert "PT5M" in refused.json["message"]


@pytest.mark.contract("10.5")
def test_a_slot_that_overlaps_the_start_is_included(world: World, api: Api) -> None:
    api.post("postMeterData", **meter(world, "building"))
    query = POWER | {"start": "2015-01-01T00:10:00Z", "duration": "PT10M"}
    assert api.get("getMeterData", connection=world.address("building"), **query).json["values"] == SIX[:2]


@pytest.mark.contract("1.3", "7.2")
def test_numeric_strings_are_values_and_a_get_may_have_a_json_body(world: World, api: Api) -> None:
    posted = api.post("postMeterData", **meter(world, "building", values=[str(value) for value in SIX]))
    assert posted.status_code == 200
    body = {"type": "GetMeterDataRequest", "connection": world.address("building"), **POWER}
    got = api.client.get("/api/v2_0/getMeterData", json=body, headers=api.headers)
    assert got.json["values"] == SIX


def test_a_year_of_quarters_is_stored_and_read_in_one_request_each(world: World, api: Api) -> None:
    values = [0.001 * k for k in range(35_040)]
    year = {"start": START, "duration": "P1Y", "unit": "MW"}
    posted = api.post("postPrognosis", connection=world.address("building"), values=values, **year)
    assert posted.status_code == 200
    got = api.get("getPrognosis", connection=world.address("building"), **year)
    assert got.json["values"] == values


def test_more_values_than_the_setting_allows_are_too_large(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_MAX_VALUES"] = 5
    assert api.post("postMeterData", **meter(world, "building")).status_code == 413
    assert api.get("getMeterData", connection=world.address("building"), **POWER).status_code == 413
    coarse = meter(world, "building", value=1, duration="PT3H", values=None)
    assert api.post("postMeterData", **coarse).status_code == 413  # repeated, it would be too many
    assert world.count("building") == 0
