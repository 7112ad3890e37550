"""What a schedule costs and why, what it would cost otherwise, and its warnings, in v2.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

STATE = {"value": 1.0, "unit": "MWh", "datetime": "2015-06-02T10:00:00+00:00"}


@pytest.fixture
def path(world: World, api: Api, prices: None) -> str:
    """Path of the schedule of an event that was posted, with a price of cycling."""
    event = world.event("battery", 7)
    assert api.post("postUdiEvent", event=event, **STATE, cost_per_mwh_cycled=3.0).status_code == 200
    return f"asset/{world.ids['battery']}/schedule/7"


def test_a_schedule_tells_its_costs_by_component_and_slot_and_what_it_saves(api: Api, path: str) -> None:
    told = api.get(path).json
    assert told["status"] == "optimal"
    assert told["currency"] == "EUR"
    assert set(told["costs"]) == {"energy", "cycling"}
    assert told["cost"] == pytest.approx(sum(told["costs"].values()))
    assert told["saving"] == pytest.approx(told["baseline_cost"] - told["cost"])
    assert told["cost"] + told["preference"] == pytest.approx(told["objective"], abs=1e-6)
    for name, slots in told["cost_slots"].items():
        assert len(slots) == len(told["values"]) == 192
        assert sum(slots) == pytest.approx(told["costs"][name])
    assert any(each["limit"] == "capacity_in_mw" and each["slots"] for each in told["binding"])


def test_what_if_solves_again_and_stores_nothing(api: Api, path: str) -> None:
    before = api.get(path).json
    freer = api.post(f"{path}/what-if", cost_per_mwh_cycled=0, prefer_charging_sooner=False).json
    assert freer["status"] == "optimal"
    assert freer["more"] == pytest.approx(freer["cost"] - before["cost"])
    assert freer["more"] <= 0
    assert api.post(f"{path}/what-if").json["more"] == pytest.approx(0, abs=1e-6)
    assert api.get(path).json == before


def test_what_if_of_the_impossible_names_what_conflicts(api: Api, path: str) -> None:
    target = {"value": 5.0, "datetime": "2015-06-02T10:15:00+00:00"}
    found = api.post(f"{path}/what-if", targets=[target]).json
    assert found["status"] == "infeasible"
    assert any("target of 5 MWh" in text for text in found["conflicts"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": 1}, "'colour' cannot be changed"),
        ({"capacity_in_mw": "big"}, "capacity_in_mw is 'big'"),
        ({"charge_efficiency": 20}, "charge_efficiency is 20"),
        ({"targets": [{"value": 1}]}, "targets holds"),
        ({"targets": 5}, "targets"),
    ],
)
def test_a_change_that_is_not_understood_is_refused_by_name(
    api: Api, path: str, changes: dict[str, Any], words: str
) -> None:
    refused = api.post(f"{path}/what-if", **changes)
    assert refused.status_code == 400
    assert words in refused.json["message"]


def test_schedules_of_others_and_of_no_event_are_not_told(world: World, api: Api, path: str) -> None:
    assert world.clients["esco"].get(path).status_code == 403
    assert api.get(f"asset/{world.ids['battery']}/schedule/8").json["status"] == "UNRECOGNIZED_UDI_EVENT"
    assert api.get(f"asset/{world.ids['battery']}/schedule/x").status_code == 400


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("16.6")
def test_a_device_message_carries_the_warnings_of_its_plan(world: World, api: Api) -> None:
    sure = world.event("battery", 1)
    api.post("postUdiEvent", event=sure, **STATE)
    assert "warnings" not in api.get("getDeviceMessage", event=sure).json
    late = world.event("battery", 2)
    api.post("postUdiEvent", event=late, **STATE | {"datetime": "2015-06-07T10:00:00+00:00"})
    (warning,) = api.get("getDeviceMessage", event=late).json["warnings"]
    assert "known only from 2015-06-07T10:00:00Z until" in warning


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("16.6")
def test_strict_schedules_are_not_made_by_what_is_not_known(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_STRICT_SCHEDULES"] = True
    late = world.event("battery", 2)
    api.post("postUdiEvent", event=late, **STATE | {"datetime": "2015-06-07T10:00:00+00:00"})
    answer = api.get("getDeviceMessage", event=late).json
    assert answer["status"] == "UNKNOWN_SCHEDULE"
    assert "known only from" in answer["message"]
