"""What schedulers steer by: prices in money per MWh, and the preference for sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.errors import AlgorithmError, UnknownPrices

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_scheduling.base import SchedulingProblem

# How many of a price unit's denominator make one MWh.
PER_MWH = {"MWh": 1.0, "kWh": 1000.0}


# Which share of the spread of prices the preference for sooner is at most.
CHOOSING = 1e-7


def prices_per_mwh(problem: SchedulingProblem, prices: Floats | None = None) -> Floats:
    """Prices (the problem's own unless given) in money per MWh, shape (n,), by the denominator of their unit.

    So a price of 100 KRW/kWh is 100,000 KRW/MWh, and costs come out in whole KRW. Raises UnknownPrices.
    """
    import numpy as np

    known = problem.prices if prices is None else prices
    _, _, energy = problem.price_unit.rpartition("/")
    if energy not in PER_MWH:
        raise AlgorithmError(
            f"The unit of the prices is {problem.price_unit!r}, which is no price of energy."
            " Accepted: a currency per MWh or kWh, such as EUR/MWh or KRW/kWh."
        )
    if not len(problem.prices) or not np.isfinite(known).all():
        raise UnknownPrices(
            f"Prices unknown: asset {problem.asset.name!r} has no price for each slot of its window."
        )
    return known * PER_MWH[energy]


def preference_for_sooner(prices: Floats) -> Floats:
    """What is added to prices so that of equal ones the sooner is charged at, money per MWh, shape (n,).

    A ramp over the window from 0 at the first slot to a ten-millionth of the spread of prices at the last (of the
    price where all are equal): enough to choose among plans of equal cost, and too little to pay for anything (D14).
    It is no cost. A scheduler that could move more for nothing but the ramp has to look for the least throughput first.
    """
    import numpy as np

    spread = float(prices.max() - prices.min()) or float(abs(prices).max()) or 1.0
    return np.linspace(0.0, CHOOSING * spread, len(prices))
