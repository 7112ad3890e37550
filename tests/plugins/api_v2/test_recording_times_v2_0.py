"""When data count as recorded, and which of several beliefs is answered."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

from .messages import OTHER, POWER, SIX, START, meter, status


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
