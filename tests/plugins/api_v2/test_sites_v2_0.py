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
    from flexmeasures import beliefs, sites, structure
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
        source = structure.get_source("meter", "script")
        slots = timedelta(days=2) // building.event_resolution
        beliefs.store(
            building, [0.25] * slots, START, building.event_resolution, source, horizon=timedelta(0)
        )
        made = sites.create_site("home", first.owner, [first, second], 1.5, 1.5, [building])
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
        assert "the site's limits of 1.5 MW of consumption" in str(job.error)
        assert "target of 1 MWh" in str(job.error)


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
