"""`flexmeasures show schedule`: costs, savings, what binds, and what it would cost otherwise."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import START


@pytest.fixture
def planned(app: Any, battery: Any) -> Any:
    """The battery with the schedule of event 3, against prices of six hours."""
    import flexmeasures_scheduling as scheduling
    from flexmeasures import beliefs, sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    app.config["FLEXMEASURES_PLANNING_HORIZON"] = timedelta(hours=6)
    with app.app_context():
        asset = db.session.get(Asset, battery.id)
        with writing():
            asset.max_soc_in_mwh = 5.0
            source = sources.get_source("exchange", "script")
            resolution = asset.market.event_resolution
            slots = max(timedelta(hours=6) // resolution, 1)
            beliefs.store(asset.market, [20.0] * slots, START, resolution, source, horizon=timedelta(0))
        with writing():
            scheduling.trigger_schedule(asset, 3, "soc", 1.0, START)
    return battery


def test_costs_savings_and_what_binds_are_shown(run: Any, planned: Any) -> None:
    shown = run("show", "schedule", "--asset-id", planned.id, "--event-id", 3, "--slots")
    assert shown.exit_code == 0, shown.output
    for words in (
        "24 slots of PT15M, optimal, by storage",
        "cost ",
        "baseline ",
        "saving ",
        "binds: the minimum",
    ):
        assert words in shown.output
    assert len([line for line in shown.output.splitlines() if line.strip()[:1].isdigit()]) == 24


def test_what_if_is_shown_beside_it(run: Any, planned: Any) -> None:
    shown = run("show", "schedule", "--asset-id", planned.id, "--what-if", "soc_at_start=0.5", "--json")
    told = json.loads(shown.output)
    assert told["what_if"]["more"] == pytest.approx(told["what_if"]["cost"] - told["cost"])
    assert told["what_if"]["more"] == pytest.approx(0.5 * told["prices"][0], rel=1e-3)
    assert (
        "more " in run("show", "schedule", "--asset-id", planned.id, "--what-if", "soc_at_start=0.5").output
    )


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (("--event-id", 99), "unknown"),
        (("--what-if", "colour=1"), "'colour' cannot be changed"),
        (("--what-if", "colour"), "'colour' is not understood"),
    ],
)
def test_what_is_not_there_or_not_understood_is_told(run: Any, planned: Any, words: Any, answer: str) -> None:
    refused = run("show", "schedule", "--asset-id", planned.id, *words)
    assert refused.exit_code == 1
    assert answer in refused.output


def test_an_asset_without_schedule_is_told(run: Any, battery: Any) -> None:
    assert "has no schedule" in run("show", "schedule", "--asset-id", battery.id).output
