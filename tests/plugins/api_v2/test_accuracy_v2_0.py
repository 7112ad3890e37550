"""The accuracy of an asset's forecasts in v2.0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World

WINDOW = {"start": "2015-01-01T00:00:00+00:00", "end": "2015-01-02T00:00:00+00:00"}


@pytest.fixture
def path(world: World) -> str:
    """Where to ask about the building, of which four outcomes and forecasts are known."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with world.app.app_context(), writing():
        building = db.session.get(Asset, world.ids["building"])
        assert building is not None
        start, quarter = datetime(2015, 1, 1, tzinfo=UTC), building.event_resolution
        meter = sources.get_source("Meter", "script")
        forecaster = sources.get_source("Seita", "forecasting script", "linear-OLS", "2")
        beliefs.store(building, [1.0, 2.0, 3.0, 4.0], start, quarter, meter, horizon=timedelta(0))
        beliefs.store(building, np.full(4, 3.0), start, quarter, forecaster, horizon=timedelta(hours=6))
    return f"asset/{world.ids['building']}/accuracy"


def test_accuracy_is_told_by_source_and_horizon(api: Api, path: str) -> None:
    got = api.get(path, **WINDOW)
    assert got.status_code == 200
    assert [row["horizon"] for row in got.json] == ["PT1H", "PT6H"]
    (row,) = api.get(path, horizon="PT6H", **WINDOW).json
    assert (row["source"], row["n"], row["mae"]) == ("Seita (linear-OLS model v2)", 4, 1.0)
    assert (row["wape"], row["one_minus_wape"], row["bias"]) == (0.4, 0.6, 0.5)
    assert (row["coverage"], row["skill_naive"]) == (None, None)
    assert api.get(path, horizon="PT7H", **WINDOW).json == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"start": "2015-01-01"}, "start"),
        ({"end": None}, "end"),
        ({"end": "2014-01-01T00:00:00Z"}, "end"),
        ({"end": "2017-01-01T00:00:00Z"}, "end"),
        ({"horizon": "PT0H"}, "horizon"),
    ],
)
def test_bad_keys_are_named(api: Api, path: str, wrong: dict[str, Any], field: str) -> None:
    query = {key: value for key, value in (WINDOW | wrong).items() if value is not None}
    refused = api.get(path, **query)
    assert refused.status_code == 422
    assert field in refused.json["message"]["querystring"]


def test_the_accuracy_of_another_users_asset_is_not_told(world: World, path: str) -> None:
    assert world.clients["neighbour"].get(path, **WINDOW).status_code == 403
