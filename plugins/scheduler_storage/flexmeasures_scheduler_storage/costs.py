"""Prices of a problem in money per MWh, and what a plan costs: by component and slot.

The components sum to what the plan costs; what is asked of plans that cost the same is none of them. Those that
nobody asked for are left out: a plain problem has `energy` alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage.lp import solve
from flexmeasures_scheduling import SchedulingProblem, prices_per_mwh

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats


# What charging in the last slot instead of the first counts, in shares of the same throughput: so little that the
# throughput is within twice this share of the least.
SOONER = 4e-7


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


def priced(problem: SchedulingProblem, storage: solve.StorageProblem) -> solve.StorageProblem:
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


def steered(storage: solve.StorageProblem, sooner: bool) -> solve.StorageProblem:
    """The priced program that asks, of plans of equal cost, for the least throughput, and of these for sooner."""
    import numpy as np

    slots = len(storage.prices)
    return replace(storage, sooner=np.linspace(0.0, SOONER, slots) if sooner else np.zeros(slots))


def cost_slots(
    problem: SchedulingProblem, storage: solve.StorageProblem, power: Floats, stock: Floats
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
