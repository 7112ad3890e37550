"""The power chart of v2.0 (contract, section 20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World

DAY = {
    "start_time": "2015-01-01T00:00:00+00:00",
    "end_time": "2015-01-02T00:00:00+00:00",
    "resolution": "PT15M",
}


@pytest.mark.contract("20.1", "20.2", "27.20")
def test_the_chart_of_an_asset_can_be_embedded(world: World, api: Api) -> None:
    values = {"start": DAY["start_time"], "duration": "PT1H", "unit": "MW", "values": [1, 2, 3, 4]}
    api.post("postMeterData", connection=world.address("building"), **values)
    answer = api.get("charts/power", resource="building", **DAY)
    assert (answer.status_code, set(answer.json)) >= (200, {"target_id", "root_id", "doc"})
    assert {"target_id", "root_id", "doc"} <= set(answer.json)
    for flag in ("consumption_as_positive", "show_consumption_as_positive"):
        text = api.get("charts/power", resource="building", **DAY, **{flag: "false"}).text
        assert "production +" in text, flag
    assert "consumption +" in answer.text


@pytest.mark.contract("20.1")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"start_time": "2020-02-20:10:00:00UTC"}, "start_time"),
        ({"end_time": "2015-01-01T00:00:00"}, "end_time"),
        ({"end_time": "2014-01-01T00:00:00Z"}, "end_time"),
        ({"resolution": "15M"}, "resolution"),
        ({"resolution": "PT0M"}, "resolution"),
        ({"resolution": "PT7M"}, "resolution"),
        ({"resolution": "PT1S"}, "resolution"),
        ({"resolution": None}, "resolution"),
        ({"resource": None}, "resource"),
        ({"resource": "nul \0"}, "resource"),
        ({"show_individual_traces_for": "all"}, "show_individual_traces_for"),
        ({"forecast_horizon": "soon"}, "forecast_horizon"),
    ],
)
def test_missing_and_bad_keys_are_named(wrong: dict[str, Any], field: str, api: Api) -> None:
    query = {"resource": "building", "unknown": "ignored"} | DAY | wrong
    answer = api.get("charts/power", **{key: value for key, value in query.items() if value is not None})
    assert (answer.status_code, list(answer.json["message"]["querystring"])) == (422, [field])


@pytest.mark.contract("20.3", "D4")
def test_who_may_see_which_chart(world: World, api: Api) -> None:
    assert api.client.get("/api/v2_0/charts/power").status_code == 401
    assert world.clients["mdc"].get("charts/power", resource="building", **DAY).status_code == 403
    assert api.get("charts/power", resource="foreign", **DAY).status_code == 404
    assert world.clients["admin"].get("charts/power", resource="foreign", **DAY).status_code == 200


@pytest.mark.contract("20.4")
def test_an_unknown_resource_is_not_found_and_groups_are_found(api: Api) -> None:
    answer = api.get("charts/power", resource="nothing of the kind", **DAY)
    assert (answer.status_code, "nothing of the kind" in answer.json["message"]) == (404, True)
    for group in (
        "renewables",
        "EVSE",
        "battery",
        "stationary battery",
        "stationary batteries",
        "solar panels",
    ):
        assert api.get("charts/power", resource=group, **DAY).status_code == 200, group


@pytest.mark.contract("20.2")
def test_without_a_plugin_that_draws_it_is_a_clear_501(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = world.app.extensions["flexmeasures"]
    first = hub.first
    monkeypatch.setattr(
        hub, "first", lambda hook, **kw: None if hook == "draw_power_chart" else first(hook, **kw)
    )
    answer = api.get("charts/power", resource="building", **DAY)
    assert (answer.status_code, "plugin" in answer.json["message"]) == (501, True)
