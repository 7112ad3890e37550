"""Sites: one event for several devices, whose schedules keep together to one connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

AT = "2015-06-02T10:00:00+00:00"
START = datetime(2015, 6, 2, 10, tzinfo=UTC)


@pytest.fixture
def site(world: World, prices: None) -> int:
    """Two batteries of 2 MW behind 1.5 MW, beside a building that takes 0.25 MW."""
    import flexmeasures_scheduling as scheduling
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with world.app.app_context(), writing() as session:
        first, building = (session.get_one(Asset, world.ids[name]) for name in ("battery", "building"))
        fields = {name: getattr(first, name) for name in ("unit", "type_id", "market_id", "event_resolution")}
        fields |= {
            "capacity_in_mw": 2.0,
            "min_soc_in_mwh": 0.0,
            "max_soc_in_mwh": 5.0,
            "owner_id": first.owner_id,
        }
        second = Asset(name="second", display_name="Second", **fields)
        session.add(second)
        session.flush()
        world.ids["second"] = second.id
        source = sources.get_source("meter", "script")
        slots = timedelta(days=2) // building.event_resolution
        beliefs.store(
            building, [0.25] * slots, START, building.event_resolution, source, horizon=timedelta(0)
        )
        made = scheduling.create_site("home", first.owner, [first, second], 1.5, 1.5, [building])
        db.session.flush()
        return int(made.id)


def event(world: World, *values: float, **more: Any) -> dict[str, Any]:
    states = [
        {"asset_id": world.ids[name], "value": value}
        for name, value in zip(("battery", "second"), values, strict=False)
    ]
    return {"event_id": 5, "datetime": AT, "states": states} | more


def schedules(world: World, api: Api) -> list[Any]:
    return [api.get(f"asset/{world.ids[name]}/schedule/5").json for name in ("battery", "second")]


def test_the_sum_of_all_schedules_keeps_to_the_connection_and_uses_it(
    world: World, api: Api, site: int
) -> None:
    posted = api.post(f"site/{site}/event", **event(world, 0.0, 1.0))
    assert (posted.status_code, posted.json["status"]) == (202, "PROCESSED")
    plans = schedules(world, api)
    total = 0.25 + sum(np.array(plan["values"]) for plan in plans)
    assert np.abs(total).max() == pytest.approx(1.5)
    assert [plan["because"].startswith("site home") for plan in plans] == [True, True]
    message = api.get("getDeviceMessage", event=world.event("battery", 5)).json
    assert message["values"] == pytest.approx(plans[0]["values"][:24])


def test_targets_that_the_connection_cannot_carry_together_fail_with_the_sites_limits(
    world: World, api: Api, site: int
) -> None:
    states = [
        {
            "asset_id": world.ids[name],
            "value": 0.0,
            "targets": [{"value": 1.0, "datetime": "2015-06-02T11:00:00Z"}],
        }
        for name in ("battery", "second")
    ]
    assert api.post(f"site/{site}/event", **event(world, states=states)).status_code == 202
    assert api.get(f"asset/{world.ids['battery']}/schedule/5").status_code == 400
    from flexmeasures import jobs

    with world.app.app_context():
        job = jobs.newest(site, 5)
        assert job is not None
        assert "the site's limit of 1.5 MW of consumption (consumption_limit_in_mw)" in str(job.error)
        for asset in ("battery", "second"):
            assert f"the target of 1 MWh at 2015-06-02T11:00:00Z of asset {asset}" in str(job.error)
        assert "Cheapest relaxation (relax)" in str(job.error)
    message = api.get("getDeviceMessage", event=world.event("battery", 5)).json
    assert message["status"] == "UNKNOWN_SCHEDULE"
    assert "failed with InfeasibleProblem" in message["message"]


@pytest.mark.parametrize(
    ("values", "more", "code", "words"),
    [
        ((1.0,), {}, 400, "states do not fit"),
        ((1.0, 1.0), {"event_id": "x"}, 422, "event_id"),
        ((1.0, 1.0), {"datetime": "2015-06-02T10:00:00"}, 422, "datetime"),
        ((1.0, -1.0), {}, 422, "value"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_by_name_and_nothing_is_stored(
    world: World, api: Api, site: int, values: tuple[float, ...], more: dict[str, Any], code: int, words: str
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    refused = api.post(f"site/{site}/event", **event(world, *values, **more))
    assert refused.status_code == code
    assert words in str(refused.json["message"])
    with world.app.app_context():
        assert db.session.get_one(Asset, world.ids["battery"]).soc_udi_event_id is None


def test_the_site_of_somebody_else_is_refused(world: World, site: int) -> None:
    refused = world.clients["esco"].post(f"site/{site}/event", **event(world, 1.0, 1.0))
    assert refused.status_code == 403


def test_events_come_in_order_as_those_of_one_asset_do(world: World, api: Api, site: int) -> None:
    assert api.post(f"site/{site}/event", **event(world, 1.0, 1.0)).status_code == 202
    earlier = api.post(
        f"site/{site}/event", **event(world, 1.0, 1.0, event_id=6, datetime="2015-06-02T09:45:00Z")
    )
    assert (earlier.status_code, earlier.json["status"]) == (400, "INVALID_DATETIME")
    again = api.post(f"site/{site}/event", **event(world, 1.0, 1.0))
    assert (again.status_code, again.json["status"]) == (400, "OUTDATED_UDI_EVENT")
    assert "6 or higher" in again.json["message"]
    single = api.post(
        "postUdiEvent",
        type="PostUdiEventRequest",
        event=world.event("second", 5),
        value=1.0,
        unit="MWh",
        datetime=AT,
    )
    assert single.json["status"] == "OUTDATED_UDI_EVENT"
    targets = [{"value": 1.0, "datetime": AT}]
    states = [
        {"asset_id": world.ids[name], "value": 1.0, "targets": targets} for name in ("battery", "second")
    ]
    late = api.post(f"site/{site}/event", **event(world, event_id=6, states=states))
    assert (late.status_code, late.json["status"]) == (400, "INVALID_DATETIME")
    assert "states[0].targets[0].datetime" in late.json["message"]


def test_a_site_asks_prices_of_its_net_power_and_to_relax(world: World, api: Api, site: int) -> None:
    from flexmeasures import jobs

    targets = [{"value": 1.0, "datetime": "2015-06-02T11:00:00Z"}]
    states = [
        {"asset_id": world.ids[name], "value": 0.0, "targets": targets} for name in ("battery", "second")
    ]
    asked = {"relax": True, "peak_price_per_mw": 40.0, "production_price_per_mwh": 5.0}
    assert api.post(f"site/{site}/event", **event(world, states=states, **asked)).status_code == 202
    plans = schedules(world, api)
    assert "relaxed" in [plan["status"] for plan in plans]
    with world.app.app_context():
        job = jobs.newest(site, 5)
        assert job is not None
        connection = job.result["connection"]
        assert connection["costs"]["peak"] == pytest.approx(40 * 1.5)
        assert connection["binding"][0]["limit"] == "consumption_limit_in_mw"
        assert job.inputs["flexibility"] == asked
    refused = api.post(f"site/{site}/event", **event(world, 1.0, 1.0, event_id=6, peak_price_per_mw=-1.0))
    assert refused.status_code == 400
    assert "peak_price_per_mw" in str(refused.json["message"])


def test_net_production_is_paid_by_its_own_market_if_that_has_prices(
    world: World, api: Api, site: int
) -> None:
    import flexmeasures_master_data as master_data
    from flexmeasures import beliefs, jobs, sources
    from flexmeasures.db import writing

    fields = {"name": "feed-in", "market_type_name": "day_ahead", "event_resolution": 60}
    with world.app.app_context(), writing():
        made = master_data.create_market(fields | {"unit": "EUR/MWh", "display_name": "Feed-in"})
        source, hour = sources.get_source("exchange", "script"), timedelta(hours=1)
        beliefs.store(made, [1.0] * 6, START, hour, source, horizon=timedelta(0))
        asked = {"event_id": 5, "production_market_id": made.id}
    assert api.post(f"site/{site}/event", **event(world, 1.0, 1.0) | asked).status_code == 202
    with world.app.app_context():
        job = jobs.newest(site, 5)
        assert job is not None
        assert "until" in str(job.error)
    with world.app.app_context(), writing():
        beliefs.store(made, [1.0] * 48, START, hour, source, horizon=timedelta(0), on_existing="skip")
    assert (
        api.post(f"site/{site}/event", **event(world, 1.0, 1.0) | asked | {"event_id": 8}).status_code == 202
    )
    with world.app.app_context():
        job = jobs.newest(site, 8)
        assert job is not None
        assert job.result["connection"]["costs"].keys() == {"production"}


@pytest.mark.contract("D16", "D18")
def test_a_target_of_one_device_after_the_last_price_is_reached_and_doubts_are_told(
    world: World, api: Api, site: int
) -> None:
    late = {"datetime": "2015-06-05T22:00:00Z"}
    posted = event(world, 2.0, 500.0, **late)
    posted["states"][0]["targets"] = [{"value": 5, "datetime": "2015-06-06T02:00:00Z"}]
    refusal = api.post(f"site/{site}/event", **posted)
    assert refusal.status_code == 202
    assert (
        "500 MWh, is not between its limits of 0 and 5 MWh (100 times the largest)"
        in refusal.json["warnings"][0]
    )
    posted = event(world, 2.0, 0.0, **late) | {"event_id": 6}
    posted["states"][0]["targets"] = [{"value": 5, "datetime": "2015-06-06T02:00:00Z"}]
    assert "warnings" not in api.post(f"site/{site}/event", **posted).json
    battery, second = (api.get(f"asset/{world.ids[name]}/schedule/6").json for name in ("battery", "second"))
    assert len(battery["values"]) == len(second["values"])
    assert "from 2015-06-06T00:00:00Z until" in " ".join(battery["warnings"])
    assert battery["soc"][15] == pytest.approx(5)
