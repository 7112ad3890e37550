"""Past events forecast as they were known, and how good that was."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flexmeasures import beliefs, sources
from flexmeasures.db import writing
from flexmeasures.errors import UnknownAlgorithm
from flexmeasures.models.sensors import Asset
from flexmeasures_forecasting import (
    HISTORY,
    accuracy_of,
    forecast_past,
)

from .conftest import DAY, HOUR, NOW, START, Witness, measure


@pytest.mark.contract("D8")
def test_past_events_are_forecast_from_what_had_ended_their_horizon_before(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    measure(asset, [float(hour) for hour in range(48)], START)
    told: list[tuple[int, int]] = []
    summaries = forecast_past(
        asset, START + DAY, START + 2 * DAY, [6 * HOUR, HOUR], progress=lambda *at: told.append(at)
    )
    assert [(of.horizon, of.stored, of.skipped, of.algorithm) for of in summaries] == [
        (HOUR, 24, 0, "witness"),
        (6 * HOUR, 24, 0, "witness"),
    ]
    for problem in Witness.seen:
        assert problem.history.end == problem.known_until
        for horizon, (start, count) in problem.targets.items():
            assert count == 1
            assert problem.known_until == start + HOUR - horizon
    for horizon in (HOUR, 6 * HOUR):
        said = beliefs.search_one(
            asset, START + DAY, START + 2 * DAY, horizon_at_least=horizon, horizon_at_most=horizon
        )
        assert said.values.tolist() == [hour - horizon / HOUR for hour in range(24, 48)]
    assert told[-1] == (29, 29)


@pytest.mark.contract("17.9")
def test_forecasting_the_past_again_skips_what_is_there(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 6 * HOUR, START + 8 * HOUR, [HOUR])
    (again,) = forecast_past(asset, START + 6 * HOUR, START + 9 * HOUR, [HOUR])
    assert (again.stored, again.skipped) == (1, 2)


def test_moments_that_are_still_to_come_are_left_out(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, NOW - DAY)
    near, far = forecast_past(asset, NOW, NOW + DAY, [HOUR, 6 * HOUR])
    assert (near.stored, far.stored) == (1, 6)
    assert max(problem.known_until for problem in Witness.seen) == NOW


def test_a_late_measurement_is_known_from_when_it_was_recorded(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 6, START)
    measure(asset, [2.0], START + 6 * HOUR, late=3 * HOUR)  # recorded when hour 10 begins
    measure(asset, [1.0] * 3, START + 7 * HOUR)
    measure(asset, [7.0], START + HOUR, late=8 * HOUR)  # a correction, recorded when hour 10 begins
    forecast_past(asset, START + 9 * HOUR, START + 11 * HOUR, [HOUR], knowledge="recorded")
    before, after = Witness.seen
    ones = [1.0] * 9
    np.testing.assert_array_equal(before.history.values[-9:], [*ones[:6], np.nan, *ones[:2]])
    np.testing.assert_array_equal(after.history.values[-10:], [1.0, 7.0, *ones[:4], 2.0, *ones[:3]])


def test_by_event_end_a_late_measurement_counts_at_once(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0, 2.0, 3.0], START, late=5 * DAY)
    forecast_past(asset, START + 3 * HOUR, START + 4 * HOUR, [HOUR])
    assert Witness.seen[0].history.values[-3:].tolist() == [1.0, 2.0, 3.0]


def test_history_is_bounded_and_belongs_to_the_problem_alone(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 3 * HOUR, START + 5 * HOUR, [HOUR])
    first, second = Witness.seen
    assert len(first.history) == HISTORY // HOUR
    first.history.values[:] = 5.0
    assert second.history.values[-1] == 1.0


def test_the_summary_tells_how_often_a_fallback_stood_in(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("broken")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (3, "witness")
    assert summary.note.startswith("3 of 3 events: broken failed (ZeroDivisionError")
    assert summary.note.endswith("so witness stood in")


def test_an_event_counts_once_in_the_summary_however_many_forecasters_failed_it(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset("twice")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (3, "witness")
    assert summary.note.startswith("3 of 3 events: ")


def test_the_summary_tells_why_nothing_was_stored(make_asset: Callable[..., Asset]) -> None:
    (summary,) = forecast_past(make_asset("linear-OLS"), START, START + 2 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (0, "")
    assert "linear-OLS failed (NotEnoughData" in summary.note
    assert "naive failed (NotEnoughData" in summary.note


def test_a_forecaster_can_be_named(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("linear-OLS")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR], forecaster="witness")
    assert summary.algorithm == "witness"
    with pytest.raises(UnknownAlgorithm, match="oracle"):
        forecast_past(asset, START, START + DAY, [HOUR], forecaster="oracle")


@pytest.mark.contract("17.11")
def test_accuracy_compares_forecast_and_last_known_value_over_the_same_events(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    measure(asset, [2.0, 4.0, 8.0, 6.0], START)
    with writing():
        source = sources.get_source("Seita", "forecasting script", "any", "1")
        beliefs.store(asset, [4.0, 7.0, 9.0, 5.0], START + HOUR, HOUR, source, horizon=HOUR)
        beliefs.store(asset, [0.0] * 4, START, HOUR, source, horizon=2 * HOUR)
    found = accuracy_of(asset, START, START + 6 * HOUR, HOUR)
    assert found.n == 3
    assert found.one_minus_wape == pytest.approx(1 - (0 + 1 + 3) / 18)
    assert found.naive == pytest.approx(1 - (2 + 4 + 2) / 18)
    assert found.mae == pytest.approx(4 / 3)


def test_accuracy_of_nothing_is_none(make_asset: Callable[..., Asset]) -> None:
    found = accuracy_of(make_asset(), START, START + DAY, HOUR)
    assert (found.one_minus_wape, found.naive, found.mae, found.n) == (None, None, None, 0)
