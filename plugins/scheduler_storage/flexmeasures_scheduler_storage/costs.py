"""Prices of a problem in money per MWh, and what a plan costs: by component and slot.

The components sum to what the plan costs; the preference for sooner is steered by, but is no cost. Those that
nobody asked for are left out: a plain problem has `energy` alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures.algorithms import SchedulingProblem
from flexmeasures.errors import AlgorithmError, UnknownPrices
from flexmeasures_scheduler_storage import model

if TYPE_CHECKING:
    from flexmeasures.series import Floats

# How many of a price unit's denominator make one MWh.
PER_MWH = {"MWh": 1.0, "kWh": 1000.0}


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


def production_per_mwh(problem: SchedulingProblem) -> Floats | None:
    """What production earns, money per MWh, shape (n,); None where it is the price of consumption."""
    import numpy as np

    if problem.production_prices is not None:
        return prices_per_mwh(problem, problem.production_prices)
    constant = problem.flexibility.production_price_per_mwh
    return None if constant is None else np.full(len(problem.prices), constant)


def co2_per_mwh(problem: SchedulingProblem) -> Floats | None:
    """The weighted price of CO2, money per MWh, shape (n,); None for none."""
    if problem.co2_prices is None:
        return None
    return problem.flexibility.co2_weight * prices_per_mwh(problem, problem.co2_prices)


def preference_for_sooner(prices: Floats) -> Floats:
    """What is added to prices so that of equal ones the sooner is charged at, money per MWh, shape (n,).

    A ramp over the window from 0 at the first slot to a thousandth of the spread of prices at the last, or
    to 0.001 when all are equal (documentation, chapter 7.2; contract 16.7).
    """
    import numpy as np

    spread = float(prices.max() - prices.min())
    return np.linspace(0.0, spread / 1000 if spread > 0 else 0.001, len(prices))


def priced(problem: SchedulingProblem, storage: model.StorageProblem) -> model.StorageProblem:
    """The program with all that has a price, but for the preference for sooner."""
    wanted = problem.flexibility
    prices, earned, co2 = prices_per_mwh(problem), production_per_mwh(problem), co2_per_mwh(problem)
    if co2 is not None:
        prices, earned = prices + co2, None if earned is None else earned + co2
    return replace(
        storage,
        prices=prices,
        production_prices=earned,
        cycle_cost=wanted.cost_per_mwh_cycled,
        end_value=wanted.end_value_per_mwh,
        peak_price=wanted.peak_price_per_mw,
        peak_so_far=wanted.peak_so_far_in_mw,
    )


def steered(storage: model.StorageProblem) -> model.StorageProblem:
    """The priced program with the preference for sooner on top."""
    slope, earned = preference_for_sooner(storage.prices), storage.production_prices
    return replace(
        storage,
        prices=storage.prices + slope,
        production_prices=None if earned is None else earned + slope,
    )


def cost_slots(
    problem: SchedulingProblem, storage: model.StorageProblem, power: Floats, stock: Floats
) -> dict[str, Floats]:
    """Money by component, each of shape (n,): what a plan of power (MW) and stock (MWh) costs in each slot.

    energy: consumption less what production earns; co2: its price; cycling: wear; peak: in the first slot of
    the highest consumption; end_value: what is left at the end, in the last slot, negative for a value.
    """
    import numpy as np

    hours, charge, discharge = storage.hours, np.maximum(power, 0.0), np.maximum(-power, 0.0)
    prices, earned, co2 = prices_per_mwh(problem), production_per_mwh(problem), co2_per_mwh(problem)
    found = {"energy": hours * (prices * charge - (prices if earned is None else earned) * discharge)}
    if co2 is not None:
        found["co2"] = hours * co2 * power
    if storage.cycle_cost:
        found["cycling"] = hours * storage.cycle_cost * (charge + discharge) / 2
    if storage.peak_price:
        found["peak"] = np.zeros(len(power))
        highest = int(power.argmax())
        found["peak"][highest] = storage.peak_price * max(float(power[highest]) - storage.peak_so_far, 0.0)
    if storage.end_value:
        found["end_value"] = np.zeros(len(power))
        found["end_value"][-1] = -storage.end_value * float(stock[-1])
    return found
