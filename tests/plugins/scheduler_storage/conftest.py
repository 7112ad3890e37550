"""Problems by a few words, and an independent linear program to compare schedules with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures_algorithms import SensorFacts
from flexmeasures_scheduling import SchedulingProblem, Target

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def make_problem() -> Callable[..., SchedulingProblem]:
    """Function that makes a problem; targets are pairs (hours after the start, MWh)."""

    def make(
        prices: Any,
        *,
        type: str = "battery",  # noqa: A002  the domain's own word
        start: float = 1.0,
        capacity: float | None = 2.0,
        limits: tuple[float | None, float | None] = (0.0, 5.0),
        targets: tuple[tuple[float, float], ...] = (),
        minutes: int = 15,
        unit: str = "EUR/MWh",
        sooner: bool = True,
    ) -> SchedulingProblem:
        resolution = timedelta(minutes=minutes)
        asset = SensorFacts(
            id=1,
            name="the device",
            kind="asset",
            type=type,
            unit="MW",
            resolution=resolution,
            capacity_in_mw=capacity,
            min_soc_in_mwh=limits[0],
            max_soc_in_mwh=limits[1],
        )
        return SchedulingProblem(
            asset=asset,
            start=START,
            resolution=resolution,
            prices=np.array(prices, dtype=float),
            price_unit=unit,
            soc_at_start=start,
            targets=tuple(Target(value=mwh, datetime=START + timedelta(hours=h)) for h, mwh in targets),
            prefer_charging_sooner=sooner,
        )

    return make


@pytest.fixture(scope="session")
def reference() -> Callable[..., Any]:
    """Function that solves over powers alone, stock being their cumulative sum, by scipy's linprog."""

    def solve(
        prices: Any,
        hours: float,
        start: float,
        power: tuple[float, float],
        stock: tuple[Any, Any],  # MWh, numbers or one a slot
        targets: dict[int, float],
    ) -> Any:
        from scipy.optimize import linprog

        prices = np.asarray(prices, dtype=float)
        slots = len(prices)
        lower, upper = (np.broadcast_to(limit, slots) for limit in stock)
        summed = hours * np.tril(np.ones((slots, slots)))
        at = sorted(targets)
        return linprog(
            hours * prices,
            A_ub=np.vstack([-summed, summed]),
            b_ub=np.concatenate([start - lower, upper - start]),
            A_eq=summed[at] if at else None,
            b_eq=np.array([targets[slot] - start for slot in at]) if at else None,
            bounds=[power] * slots,
            method="highs",
        )

    return solve
