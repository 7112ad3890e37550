"""`flexmeasures add schedules`: schedules over a past period."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from tests.conftest import START

PERIOD = ("--start", "2026-03-01T00:00:00Z", "--end", "2026-03-01T03:00:00Z", "--every", "PT1H")


def test_what_was_planned_is_stored_and_its_cost_told(app: Any, run: Any, battery: Any) -> None:
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with app.app_context(), writing():
        market = db.session.get(Asset, battery.id).market
        source = sources.get_source("exchange", "script")
        resolution = market.event_resolution
        beliefs.store(market, [20.0] * 5, START, resolution, source, horizon=resolution + timedelta(days=30))
    told = run("add", "schedules", "--asset-id", battery.id, *PERIOD, "--soc", "1", "--json")
    assert told.exit_code == 0, told.output
    rolled = json.loads(told.output[told.output.index("{") :])
    assert (rolled["plans"], rolled["start_soc"], rolled["currency"]) == (3, 1.0, "EUR")
    lines = run("add", "schedules", "--asset-id", battery.id, *PERIOD, "--soc", "1").output
    assert "3 schedules stored" in lines
    assert "with perfect foresight" in lines


def test_without_prices_as_known_then_the_horizon_is_named(run: Any, battery: Any) -> None:
    refused = run("add", "schedules", "--asset-id", battery.id, *PERIOD)
    assert refused.exit_code == 1
    assert "--horizon PT13H" in refused.output
