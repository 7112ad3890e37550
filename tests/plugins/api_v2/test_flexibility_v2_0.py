"""UDI events and device messages in v2.0 (contract, section 15)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

AT = "2015-06-02T10:00:00+00:00"
SOC = {"value": 12.1, "unit": "kWh", "datetime": AT}


def soc_of(world: World, name: str) -> tuple[float | None, datetime | None, int | None]:
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    with world.app.app_context():
        asset = db.session.get(Asset, world.ids[name])
        assert asset is not None
        return asset.soc_in_mwh, asset.soc_datetime, asset.soc_udi_event_id


def status(response: Any) -> str:
    return str(response.json["status"])


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.7", "15.10", "15.3")
def test_an_event_sets_the_state_of_charge_and_its_plan_is_the_device_message(world: World, api: Api) -> None:
    event = world.event("battery", 203)
    posted = api.post("postUdiEvent", event=event, **SOC)
    assert posted.json == {
        "type": "PostUdiEventResponse",
        "status": "PROCESSED",
        "message": "Request has been processed.",
    }
    assert soc_of(world, "battery") == (pytest.approx(0.0121), datetime(2015, 6, 2, 10, tzinfo=UTC), 203)
    message = api.get("getDeviceMessage", event=event).json
    assert message["type"] == "GetDeviceMessageResponse"
    assert (message["event"], message["unit"], message["duration"]) == (event, "MW", "PT6H")
    assert (message["start"], len(message["values"])) == ("2015-06-02T10:00:00Z", 24)
    assert message["status"] == "PROCESSED"
    assert all(-2 <= value <= 2 for value in message["values"])


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.9", "15.10")
def test_a_longer_device_message_has_the_shorter_one_as_prefix_and_is_cut_at_the_plan(
    world: World, api: Api
) -> None:
    event = world.event("battery", 203)
    api.post("postUdiEvent", event=event, **SOC)
    short = api.get("getDeviceMessage", event=event, duration="PT45M").json
    long = api.get("getDeviceMessage", event=event, duration="P30D").json
    assert (short["duration"], len(short["values"])) == ("PT45M", 3)
    assert (long["duration"], len(long["values"])) == ("P2D", 192)
    assert long["values"][:3] == short["values"]
    odd = api.get("getDeviceMessage", event=event, duration="PT50M").json
    assert (odd["duration"], len(odd["values"])) == ("PT1H", 4)


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.12", "27.12")
def test_equivalent_addresses_and_several_events_are_answered(world: World, api: Api) -> None:
    api.post("postUdiEvent", event=world.event("battery", 203), **SOC)
    bare = f"ea1.2020-01.org.elsewhere:{world.ids['battery']}:203:soc-with-targets"
    one = api.get("getDeviceMessage", event=bare).json
    assert one["event"] == bare
    two = api.get("getDeviceMessage", event=[bare, world.event("battery", 203)]).json
    assert two["events"] == [bare, world.event("battery", 203)]
    assert two["values"] == one["values"]
    later = SOC | {"datetime": "2015-06-02T12:00:00Z"}
    api.post("postUdiEvent", event=world.event("battery", 204), **later)
    both = api.get("getDeviceMessage", event=[world.event("battery", 203), world.event("battery", 204)]).json
    assert [group["start"] for group in both["groups"]] == ["2015-06-02T10:00:00Z", "2015-06-02T12:00:00Z"]


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("15.1")
def test_targets_are_reached(world: World, api: Api) -> None:
    event = world.event("evse", 204, "soc-with-targets")
    target = {"value": 25, "datetime": "2015-06-02T16:00:00+00:00"}
    assert api.post("postUdiEvent", event=event, **SOC, targets=[target]).status_code == 200
    values = api.get("getDeviceMessage", event=event).json["values"]
    assert sum(values) * 0.25 == pytest.approx((25 - 12.1) / 1000)
    assert min(values) >= 0


@pytest.mark.contract("15.6")
def test_targets_of_a_plain_event_are_ignored(world: World, api: Api) -> None:
    posted = api.post("postUdiEvent", event=world.event("battery", 1), **SOC, targets="nonsense")
    assert posted.status_code == 200


@pytest.mark.contract("15.11")
def test_without_prices_the_message_says_so(world: World, api: Api) -> None:
    event = world.event("battery", 203)
    assert api.post("postUdiEvent", event=event, **SOC).status_code == 200
    message = api.get("getDeviceMessage", event=event)
    assert (message.status_code, status(message)) == (400, "UNKNOWN_SCHEDULE")
    assert "prices unknown" in message.json["message"].lower()
    assert soc_of(world, "battery")[2] == 203


@pytest.mark.contract("15.11", "15.12")
def test_a_waiting_job_is_told_and_an_unknown_event_too(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    event = world.event("battery", 203)
    assert api.post("postUdiEvent", event=event, **SOC).status_code == 200
    waiting = api.get("getDeviceMessage", event=event)
    assert status(waiting) == "UNKNOWN_SCHEDULE"
    assert "queue" in waiting.json["message"]
    assert status(api.get("getDeviceMessage", event=world.event("battery", 9))) == "UNRECOGNIZED_UDI_EVENT"


@pytest.mark.contract("15.9", "4.2")
def test_a_bad_duration_is_quoted(world: World, api: Api) -> None:
    wrong = api.get("getDeviceMessage", event=world.event("battery", 203), duration="6 hours")
    assert wrong.status_code == 422
    assert "6 hours" in wrong.json["message"]["args_and_json"]["duration"][0]


@pytest.mark.contract("15.4")
def test_events_come_in_order_but_not_in_play_mode(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    first, second = world.event("battery", 203), world.event("battery", 204)
    assert api.post("postUdiEvent", event=first, **SOC).status_code == 200
    earlier = SOC | {"datetime": "2015-06-02T09:45:00Z"}
    assert status(api.post("postUdiEvent", event=second, **earlier)) == "INVALID_DATETIME"
    assert status(api.post("postUdiEvent", event=first, **SOC)) == "OUTDATED_UDI_EVENT"
    assert api.post("postUdiEvent", event=second, **SOC).status_code == 200
    world.app.config["FLEXMEASURES_MODE"] = "play"
    assert api.post("postUdiEvent", event=first, **earlier).status_code == 200
    assert soc_of(world, "battery")[2] == 203


def test_of_simultaneous_events_of_one_id_exactly_one_is_taken(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    together = threading.Barrier(6)
    answers: list[str] = []

    def post() -> None:
        client = Api(world.app.test_client(), api.headers)
        together.wait()
        answers.append(status(client.post("postUdiEvent", event=world.event("battery", 203), **SOC)))

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["OUTDATED_UDI_EVENT"] * 5 + ["PROCESSED"]


@pytest.mark.contract("D6")
def test_an_esco_posts_on_its_own_assets_only(world: World) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    esco = world.clients["esco"]
    assert esco.post("postUdiEvent", event=world.event("esco battery", 1), **SOC).status_code == 200
    foreign = esco.post("postUdiEvent", event=world.event("battery", 1), **SOC)
    assert status(foreign) == "UNRECOGNIZED_CONNECTION_GROUP"


def test_a_scheduler_that_is_not_installed_refuses_the_event_and_keeps_the_state(
    world: World, api: Api
) -> None:
    world.app.config["FLEXMEASURES_SCHEDULERS"] = {"battery": "no-such-scheduler"}
    refused = api.post("postUdiEvent", event=world.event("battery", 1), **SOC)
    assert (refused.status_code, status(refused)) == (400, "UNKNOWN_SCHEDULE")
    assert "no-such-scheduler" in refused.json["message"]
    assert soc_of(world, "battery") == (None, None, None)


# -- what else an event may ask --

TOO_MUCH = {"value": 5.0, "datetime": "2015-06-02T10:30:00+00:00"}
FAR = {"value": 1.0, "unit": "MWh", "datetime": AT, "targets": [TOO_MUCH]}


@pytest.mark.usefixtures("prices")
@pytest.mark.contract("16.8")
def test_inputs_that_conflict_are_named_to_who_asks_for_the_device_message(world: World, api: Api) -> None:
    event = world.event("battery", 1, "soc-with-targets")
    assert api.post("postUdiEvent", event=event, **FAR).status_code == 200
    answer = api.get("getDeviceMessage", event=event)
    assert status(answer) == "UNKNOWN_SCHEDULE"
    words = (
        "target of 5 MWh",
        "power limit of 2 MW",
        "start at 1 MWh",
        "2 MWh can be reached",
        "becomes 2 MWh",
    )
    for part in words:
        assert part in answer.json["message"]


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize("by_setting", [False, True])
def test_with_relax_the_plan_goes_as_near_to_the_target_as_it_can(
    world: World, api: Api, by_setting: bool
) -> None:
    world.app.config["FLEXMEASURES_RELAX_TARGETS"] = by_setting
    event = world.event("battery", 1, "soc-with-targets")
    asked = {} if by_setting else {"relax": True}
    assert api.post("postUdiEvent", event=event, **FAR, **asked).status_code == 200
    assert api.get("getDeviceMessage", event=event).json["values"][:2] == pytest.approx([2.0, 2.0])


@pytest.mark.usefixtures("prices")
def test_a_target_may_be_a_minimum(world: World, api: Api) -> None:
    event = world.event("battery", 1, "soc-with-targets")
    wished = [{"value": 0.0, "datetime": "2015-06-02T10:30:00+00:00", "kind": "minimum"}]
    assert api.post("postUdiEvent", event=event, **FAR | {"targets": wished}).status_code == 200
    assert api.get("getDeviceMessage", event=event).status_code == 200


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"relax": "yes"}, "relax"),
        ({"relaxx": True}, "relaxx"),
        ({"targets": [TOO_MUCH | {"kind": "at least"}]}, "targets[0].kind"),
    ],
)
def test_what_is_asked_in_a_wrong_way_is_refused_by_name_and_nothing_is_stored(
    world: World, api: Api, keys: dict[str, Any], field: str
) -> None:
    refused = api.post("postUdiEvent", event=world.event("battery", 1, "soc-with-targets"), **FAR | keys)
    assert (refused.status_code, status(refused)) == (422, "UNPROCESSABLE_ENTITY")
    assert field in refused.json["message"]["json"]
    assert soc_of(world, "battery") == (None, None, None)


# -- which posts ask for forecasts (contract 17.1) --


def waiting(world: World) -> list[tuple[int | None, datetime, datetime, list[float]]]:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Job

    with world.app.app_context():
        jobs = db.session.scalars(select(Job).where(Job.queue == "forecasting").order_by(Job.sensor_id))
        return [
            (
                job.sensor_id,
                datetime.fromisoformat(job.arguments["start"]),
                datetime.fromisoformat(job.arguments["end"]),
                sorted(ms / 3_600_000 for ms in job.arguments["horizons_ms"]),
            )
            for job in jobs
        ]


@pytest.mark.contract("17.1", "14.6", "D7")
def test_meter_data_ask_for_one_job_a_connection_and_prognoses_for_none(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    keys = {"start": AT, "duration": "PT30M", "unit": "MW", "values": [1, 2]}
    names = [world.address(name) for name in ("building", "site")]
    assert api.post("postPrognosis", connections=names, **keys, horizon="PT6H").status_code == 200
    assert waiting(world) == []
    assert api.post("postMeterData", connections=names, **keys, horizon="PT0M").status_code == 200
    at = datetime(2015, 6, 2, 10, tzinfo=UTC)
    expected = (at, at + timedelta(minutes=30), [1.0, 6.0, 24.0, 48.0])
    assert waiting(world) == [(world.ids[name], *expected) for name in ("building", "site")]
    refused = api.post("postMeterData", connection=world.address("five"), **keys | {"values": [None]})
    assert refused.status_code == 400
    assert len(waiting(world)) == 2


@pytest.mark.contract("17.1")
def test_prices_ask_for_the_last_day_and_weather_only_when_measured(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    market = "ea1.2018-06.localhost:epex_da"
    week = {"start": "2015-06-02T00:00:00Z", "duration": "P7D", "unit": "EUR/MWh", "values": [50] * 168}
    assert api.post("postPriceData", market=market, **week, horizon="P1D").status_code == 200
    end = datetime(2015, 6, 9, tzinfo=UTC)
    job = (world.ids["epex_da"], end - timedelta(days=1), end, [24.0, 48.0])
    assert waiting(world) == [job]
    sensor = "ea1.2018-06.localhost:temperature:33.4843866:126.477859"
    weather = {"start": AT, "duration": "PT30M", "unit": "°C", "values": [1, 2], "sensor": sensor}
    assert api.post("postWeatherData", **weather, horizon="PT6H").status_code == 200
    assert waiting(world) == [job]
    assert api.post("postWeatherData", **weather, prior="2015-06-02T10:30:00Z").status_code == 200
    assert [row[0] for row in waiting(world)] == [world.ids["epex_da"], world.ids["thermometer"]]


@pytest.mark.contract("24.1")
def test_in_play_mode_only_power_asks_for_forecasts(world: World, api: Api) -> None:
    world.app.config["FLEXMEASURES_JOBS"] = ""
    world.app.config["FLEXMEASURES_MODE"] = "play"
    prices = {"start": AT, "duration": "PT2H", "unit": "EUR/MWh", "values": [50, 51]}
    assert api.post("postPriceData", market="ea1.2018-06.localhost:epex_da", **prices).status_code == 200
    sensor = "ea1.2018-06.localhost:temperature:33.4843866:126.477859"
    weather = {"start": AT, "duration": "PT30M", "unit": "°C", "values": [1, 2], "sensor": sensor}
    assert api.post("postWeatherData", **weather).status_code == 200
    assert waiting(world) == []
    power = {"start": AT, "duration": "PT30M", "unit": "MW", "values": [1, 2]}
    assert api.post("postMeterData", connection=world.address("building"), **power).status_code == 200
    assert [row[0] for row in waiting(world)] == [world.ids["building"]]
