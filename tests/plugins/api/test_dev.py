"""The experimental endpoints about sensors (contract 14.10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import World

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def market(world: World) -> int:
    """A market with three hourly prices, forecast the day before and the second revised an hour ahead."""
    import flexmeasures_master_data as master_data
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.models import Market

    with world.app.app_context(), writing():
        made = master_data.create_market(
            {
                "name": "hourly",
                "market_type_name": "day_ahead",
                "unit": "EUR/MWh",
                "event_resolution": 60,
                "display_name": "Hourly market",
            }
        )
        source = sources.get_source("x", "script")
        beliefs.store(made, [40.0, 50.0, 60.0], START, HOUR, source, belief_time=START - 12 * HOUR)
        beliefs.store(made, [55.0], START + HOUR, HOUR, source, belief_time=START)
        assert isinstance(made, Market)
        return made.id


def get(world: World, path: str, who: str = "admin", **query: Any) -> Any:
    client = world.clients[who]
    return client.client.get(f"/api/dev/sensor/{path}", query_string=query, headers=client.headers)


@pytest.mark.contract("14.10")
def test_a_sensor_tells_name_zone_and_from_when_to_when_there_are_data(world: World, market: int) -> None:
    span = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-01T03:00:00Z"}
    for path in (f"{market}", f"{market}/"):
        assert get(world, path).json == {"name": "hourly", "timezone": "UTC", "timerange": span}
    empty = get(world, str(world.ids["building"])).json
    assert empty["timerange"] == {"start": None, "end": None}


@pytest.mark.contract("14.10")
@pytest.mark.parametrize(
    ("query", "values"),
    [
        ({}, [40.0, 55.0, 60.0]),
        ({"event_starts_after": "2026-03-01T01:00:00Z"}, [55.0, 60.0]),
        ({"event_ends_before": "2026-03-01T02:00:00Z"}, [40.0, 55.0]),
        ({"beliefs_before": "2026-02-28T20:00:00Z"}, [40.0, 50.0, 60.0]),
        ({"beliefs_after": "2026-02-28T20:00:00Z"}, [55.0]),
        ({"beliefs_before": "2026-02-28T02:00:00Z"}, []),
    ],
)
def test_data_are_the_newest_beliefs_of_the_window(
    world: World, market: int, query: Any, values: list[float]
) -> None:
    found = get(world, f"{market}/chart_data/", **query).json
    assert [row["event_value"] for row in found] == values


@pytest.mark.contract("14.10")
def test_the_chart_is_a_vega_lite_specification_with_data_when_asked(world: World, market: int) -> None:
    bare = get(world, f"{market}/chart/", dataset_name="prices").json
    assert (bare["data"], "datasets" in bare) == ({"name": "prices"}, False)
    full = get(world, f"{market}/chart/", include_data="true", dataset_name="prices").json
    assert full["$schema"].endswith("vega-lite/v5.json")
    assert full["datasets"]["prices"] == get(world, f"{market}/chart_data/").json
    fields = {channel["field"] for channel in full["encoding"].values()}
    assert fields <= set(full["datasets"]["prices"][0])
    assert full["encoding"]["y"]["title"] == "Hourly market (EUR/MWh)"


@pytest.mark.contract("14.10")
def test_it_is_for_admins_and_about_what_is_there(world: World, market: int) -> None:
    for path in (f"{market}", f"{market}/chart/", f"{market}/chart_data/"):
        assert get(world, path, "prosumer").status_code == 403
        assert world.app.test_client().get(f"/api/dev/sensor/{path}").status_code == 401
    for unknown in ("4711", "99999999999", "x", "-1", "1e3", "%00"):
        assert get(world, unknown).status_code == 404
    wrong = get(world, f"{market}/chart_data/", beliefs_after="yesterday")
    assert (wrong.status_code, "beliefs_after" in wrong.json["message"]["query"]) == (422, True)
