"""Posting and getting data in v2.0, on a real app and database."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

START = "2015-01-01T00:00:00Z"
POWER = {"start": START, "duration": "PT1H30M", "unit": "MW"}
SIX = [306.66, 306.66, 0.0, 0.0, 306.66, 306.66]
OTHER = [306.66, 0.0, 0.0, 0.0, 306.66, 306.66]


def meter(world: World, *names: str, **keys: Any) -> dict[str, Any]:
    """Keys of a meter data message of six values a connection."""
    connections = [world.address(name) for name in names]
    return POWER | {"connections": connections, "values": SIX, "horizon": "PT0M"} | keys


def status(response: Any) -> str:
    return str(response.json["status"])


# -- there and back --


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


# -- recording times --


def test_simultaneous_posts_of_the_same_connections_in_any_order_wait_for_each_other(world: World) -> None:
    many = {"values": [1.0] * 10_000, "duration": "PT2500H", "unit": "MW", "start": START, "prior": START}
    names = [world.address("building"), world.address("site")]
    together = threading.Barrier(4)
    answers: list[str] = []

    def post(order: int) -> None:
        client = Api(world.app.test_client(), world.clients["prosumer"].headers)
        together.wait()
        answers.append(status(client.post("postPrognosis", connections=names[::order], **many)))

    threads = [threading.Thread(target=post, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"] * 3 + ["PROCESSED"]


def test_a_connection_named_again_and_again_counts_each_time(world: World, api: Api) -> None:
    year = POWER | {"duration": "P365D"}
    names = [world.address("building")] * 12
    assert api.get("getMeterData", connection=names[:11], **year).status_code == 200
    assert api.get("getMeterData", connection=names, **year).status_code == 413


def test_more_sources_than_can_be_looked_up_are_too_large(world: World, api: Api) -> None:
    body = POWER | {"type": "GetMeterDataRequest", "connection": world.address("building")}
    sources = list(range(1, 300_000))
    got = api.client.get(f"{api.base}/getMeterData", json=body | {"sources": sources}, headers=api.headers)
    assert got.status_code == 413


def test_a_head_request_is_answered_as_a_get(api: Api) -> None:
    assert api.client.head(f"{api.base}/getConnection", headers=api.headers).status_code == 200


@pytest.mark.contract("12.1", "12.2", "12.3", "12.4", "27.10")
def test_the_most_recent_belief_wins_and_prior_travels_in_time(world: World, api: Api) -> None:
    address = world.address("building")
    for prior, value in (
        ("2014-12-31T18:00:00Z", 1),
        ("2014-12-31T22:00:00Z", 2),
        ("2015-01-02T00:00:00Z", 3),
    ):
        keys = POWER | {"connection": address, "values": [value] * 6, "prior": prior}
        assert api.post("postPrognosis", **keys).status_code == 200
    query = POWER | {"connection": address}
    assert api.get("getPrognosis", **query).json["values"] == [3] * 6
    assert api.get("getPrognosis", prior="2014-12-31T22:00:00Z", **query).json["values"] == [2] * 6
    assert api.get("getPrognosis", prior="2014-12-31T21:59:59Z", **query).json["values"] == [1] * 6
    assert api.get("getPrognosis", horizon="PT6H15M", **query).json["values"] == [1] * 6
    assert api.get("getPrognosis", horizon="R/PT2H15M", **query).json["values"] == [2] * 6
    assert api.get("getMeterData", **query).json["values"] == [3] * 6


@pytest.mark.contract("11.1")
def test_of_horizon_and_prior_the_earlier_recording_counts_for_each_event(world: World, api: Api) -> None:
    address = world.address("building")
    keys = POWER | {"connection": address, "values": SIX, "horizon": "PT1H", "prior": START}
    assert api.post("postPrognosis", **keys).status_code == 200
    query = POWER | {"connection": address}
    # Horizons are 1 h for the first four events, then 1 h 15 and 1 h 30.
    assert api.get("getPrognosis", horizon="PT1H", **query).json["values"] == SIX
    assert api.get("getPrognosis", horizon="PT1H15M", **query).json["values"] == [None] * 4 + SIX[4:]
    assert api.get("getPrognosis", horizon="PT1H31M", **query).json["values"] == []


@pytest.mark.contract("11.3", "12.3")
def test_meter_data_are_not_recorded_before_the_fact(world: World, api: Api) -> None:
    for wrong in ({"horizon": "PT1M"}, {"horizon": "PT0M", "prior": START}, {"horizon": "R/PT0M"}):
        assert status(api.post("postMeterData", **meter(world, "building", **wrong))) == "INVALID_HORIZON"
        if wrong["horizon"] != "R/PT0M":
            got = api.get("getMeterData", connection=world.address("building"), **POWER, **wrong)
            assert status(got) == "INVALID_HORIZON"
    assert world.count("building") == 0


@pytest.mark.contract("11.10", "5.2")
def test_a_second_post_of_the_same_beliefs_is_refused_and_nothing_of_it_stored(
    world: World, api: Api
) -> None:
    assert api.post("postMeterData", **meter(world, "building")).status_code == 200
    again = api.post("postMeterData", **meter(world, "site", "building", values=OTHER))
    assert (again.status_code, status(again)) == (400, "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED")
    assert again.json["result"] == "Rejected"
    assert world.count("site") == 0
    assert api.get("getMeterData", connection=world.address("building"), **POWER).json["values"] == SIX


@pytest.mark.contract("D11", "27.8")
def test_an_inferred_recording_time_never_collides(world: World, api: Api) -> None:
    from datetime import UTC, datetime

    from flexmeasures.timing import clock

    keys = meter(world, "building")
    del keys["horizon"]
    with clock(datetime(2015, 1, 3, tzinfo=UTC)):
        assert api.post("postMeterData", **keys).status_code == 200
        assert api.post("postMeterData", **keys | {"values": OTHER}).status_code == 200
    assert api.get("getMeterData", connection=world.address("building"), **POWER).json["values"] == OTHER
    assert world.count("building") == 6


@pytest.mark.contract("11.8", "24.1")
def test_play_mode_replaces_and_infers_a_zero_horizon(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_MODE"] = "play"
    keys = meter(world, "building")
    del keys["horizon"]
    for values in (SIX, OTHER):
        assert api.post("postMeterData", **keys | {"values": values}).status_code == 200
    assert world.count("building") == 6
    query = POWER | {"connection": world.address("building")}
    assert api.get("getPrognosis", horizon="PT0M", **query).json["values"] == OTHER


# -- sources --


@pytest.mark.contract("13.4")
def test_meter_data_show_by_default_ones_own_and_those_of_meter_data_companies(
    world: World, api: Api
) -> None:
    address = world.address("building")
    world.clients["admin"].post("postMeterData", **meter(world, "building", values=OTHER))
    query = POWER | {"connection": address}
    assert api.get("getMeterData", **query).json["values"] == []
    assert api.get("getMeterData", source="admin", **query).json["values"] == OTHER
    assert (
        api.get("getMeterData", sources=f'["MDC", "{world.users["admin"].id}"]', **query).json["values"]
        == OTHER
    )
    assert api.get("getPrognosis", **query).json["values"] == OTHER
    # Forecasts, from an hour after the first event on, are no user's: a source does not limit them.
    assert api.get("getPrognosis", source="MDC", **query).json["values"][:4] == [None] * 4
    mdc = world.clients["mdc_owner"]
    assert mdc.post("postMeterData", **meter(world, "meter")).status_code == 200
    by_admin = world.clients["admin"].get("getMeterData", connection=world.address("meter"), **POWER)
    assert by_admin.json["values"] == SIX


@pytest.mark.contract("13.3", "12.1")
def test_ones_own_source_is_always_added_and_wins_ties(world: World, api: Api) -> None:
    address = world.address("building")
    world.clients["admin"].post("postMeterData", **meter(world, "building", values=OTHER))
    api.post("postMeterData", **meter(world, "building"))
    query = POWER | {"connection": address, "source": str(world.users["admin"].id)}
    assert api.get("getMeterData", **query).json["values"] == SIX
    own = POWER | {"connection": address}
    assert world.clients["admin"].get("getPrognosis", **own).json["values"] == OTHER


@pytest.mark.parametrize(
    "source", ["Unknown", "999999", "0", "-1", "", "mdc", "MDC\0", "99999999999999999999"]
)
@pytest.mark.contract("13.5", "27.29", "27.11", "13.1")
def test_a_source_that_selects_nobody_is_refused(world: World, api: Api, source: str) -> None:
    got = api.get("getMeterData", connection=world.address("building"), source=source, **POWER)
    assert status(got) == "INVALID_SOURCE"


@pytest.mark.contract("12.6", "13.2")
def test_forecasts_and_schedules_are_prognoses_and_never_meter_data(world: World, api: Api) -> None:
    from datetime import UTC, datetime, timedelta

    from flexmeasures import beliefs
    from flexmeasures import sources as the_sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with world.app.app_context(), writing():
        asset = db.session.get(Asset, world.ids["building"])
        assert asset is not None
        for kind, value in (("forecasting script", 1.0), ("demo script", 2.0)):
            source = the_sources.get_source("Seita", kind)
            horizon = timedelta(hours=1 if kind.startswith("f") else 0)
            start = datetime(2015, 1, 1, tzinfo=UTC)
            beliefs.store(asset, [value] * 6, start, timedelta(minutes=15), source, horizon=horizon)
    query = POWER | {"connection": world.address("building")}
    assert api.get("getPrognosis", **query).json["values"] == [1.0] * 6
    assert api.get("getPrognosis", source="Prosumer", **query).json["values"] == [1.0] * 6
    assert api.get("getMeterData", **query).json["values"] == []


# -- signs and access --


@pytest.mark.contract("9.2")
def test_signs_of_pure_consumers_and_producers_are_checked(world: World, api: Api) -> None:
    for service in ("postMeterData", "postPrognosis"):
        assert status(api.post(service, **meter(world, "evse", values=[-1] * 6))) == "POWER_VALUE_TOO_SMALL"
        assert status(api.post(service, **meter(world, "solar", values=[1] * 6))) == "POWER_VALUE_TOO_BIG"
    assert api.post("postMeterData", **meter(world, "evse", "solar", values=[0] * 6)).status_code == 200
    assert api.post("postPrognosis", **meter(world, "building", values=[-1] * 6)).status_code == 200


@pytest.mark.contract("3.4", "5.4")
def test_missing_and_foreign_assets_are_told_as_documented(world: World, api: Api) -> None:
    missing = {"connection": "ea1.2018-06.localhost:1:999999"}
    keys = POWER | {"values": SIX}
    assert status(api.post("postMeterData", **keys, **missing)) == "UNRECOGNIZED_ASSET"
    assert (
        status(api.post("postMeterData", **meter(world, "building", "foreign")))
        == "UNRECOGNIZED_CONNECTION_GROUP"
    )
    assert status(api.get("getMeterData", **POWER, **missing)) == "UNRECOGNIZED_CONNECTION_GROUP"
    assert status(api.get("getMeterData", **POWER, **missing, resolution="PT1H")) == "UNRECOGNIZED_ASSET"
    foreign = api.get("getPrognosis", **POWER, connection=world.address("foreign"))
    assert status(foreign) == "UNRECOGNIZED_CONNECTION_GROUP"
    market = {"connection": f"ea1.2018-06.localhost:1:{world.ids['epex_da']}"}
    assert status(api.post("postMeterData", **keys, **market)) == "UNRECOGNIZED_ASSET"
    assert world.count("building") == 0
    assert world.clients["admin"].post("postMeterData", **meter(world, "foreign")).status_code == 200


# -- quantiles --


@pytest.fixture
def uncertain(world: World, api: Api) -> dict[str, Any]:
    """Forecasts of the building 6 h ahead, with a band around the first four; and what to ask for them."""
    import numpy as np

    from flexmeasures import beliefs
    from flexmeasures import sources as the_sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    start, horizon = datetime(2015, 1, 1, tzinfo=UTC), timedelta(hours=6)
    with world.app.app_context(), writing():
        building = db.session.get(Asset, world.ids["building"])
        assert building is not None
        source = the_sources.get_source("Seita", "forecasting script", "linear-OLS", "2")
        quarter = building.event_resolution
        beliefs.store(building, np.arange(6.0), start, quarter, source, horizon=horizon)
        band = {0.1: np.arange(4.0) - 1, 0.9: np.arange(4.0) + 1}
        beliefs.store_quantiles(building, band, start, source, horizon)
    return POWER | {"connection": world.address("building")}


def test_quantiles_come_with_the_prognosis_they_belong_to(api: Api, uncertain: dict[str, Any]) -> None:
    got = api.get("getPrognosis", quantiles="[0.1, 0.9]", **uncertain)
    assert got.status_code == 200
    assert got.json["values"] == [0, 1, 2, 3, 4, 5]
    assert got.json["quantiles"] == {
        "0.1": [-1, 0, 1, 2, None, None],
        "0.9": [1, 2, 3, 4, None, None],
    }
    assert "quantiles" not in api.get("getPrognosis", **uncertain).json
    alone = api.get("getPrognosis", quantiles="0.5", **uncertain).json
    assert alone["quantiles"] == {"0.5": []}
    earlier = api.get("getPrognosis", quantiles="0.1", horizon="PT7H", **uncertain).json
    assert (earlier["values"], earlier["quantiles"]) == ([], {"0.1": []})


def test_quantiles_of_several_connections_come_in_groups(
    world: World, api: Api, uncertain: dict[str, Any]
) -> None:
    names = [world.address("building"), world.address("evse")]
    query = {key: value for key, value in uncertain.items() if key != "connection"}
    groups = api.get("getPrognosis", connections=names, quantiles="0.9", **query).json["groups"]
    assert [group["connection"] for group in groups] == names
    assert [group["quantiles"]["0.9"] for group in groups] == [[1, 2, 3, 4, None, None], []]


@pytest.mark.parametrize(
    ("keys", "accepted"),
    [
        ({"quantiles": "[0.1, 1]"}, "numbers between 0 and 1"),
        ({"quantiles": "0"}, "numbers between 0 and 1"),
        ({"quantiles": "[0.1]", "resolution": "PT30M"}, "no resolution"),
    ],
)
def test_wrong_quantiles_are_refused_by_name(
    api: Api, uncertain: dict[str, Any], keys: dict[str, str], accepted: str
) -> None:
    refused = api.get("getPrognosis", **keys, **uncertain)
    assert refused.status_code == 422
    assert accepted in str(refused.json["message"]["json"]["quantiles"])
