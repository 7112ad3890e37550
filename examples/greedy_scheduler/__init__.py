"""A scheduler of one page: charge in the cheapest slots before each target, and never feed back.

Try it: FLEXMEASURES_PLUGIN_PATHS=examples/greedy_scheduler flexmeasures show schedulers
"""

from datetime import timedelta

from flexmeasures import Scheduler, hookimpl
from flexmeasures_scheduling import Schedule, Status

MARGIN = 1e-9  # MWh


class Greedy(Scheduler):
    """Charges a battery or a car in the cheapest slots before each target; without targets until it is full."""

    name = "greedy"
    version = "1"

    @classmethod
    def accepts(cls, asset):
        return asset.type in ("battery", "one-way_evse", "two-way_evse")

    def compute(self, problem):
        import numpy as np

        hours = problem.resolution / timedelta(hours=1)
        power = problem.asset.capacity_in_mw
        values = np.zeros(len(problem.prices))
        conflicts, soc, begin = [], problem.soc_at_start, 0
        for end, wanted in goals(problem):
            missing = wanted - soc
            slots = begin + np.argsort(problem.prices[begin:end], kind="stable")  # the cheapest first
            values[slots] = np.clip(missing / hours - power * np.arange(len(slots)), 0, power)
            if not -MARGIN <= missing <= power * hours * len(slots) + MARGIN:
                conflicts.append(f"From {soc:g} MWh, {wanted:g} MWh cannot be had in {len(slots)} slots")
            soc, begin = wanted, end
        to_money = hours * (1000 if problem.price_unit.endswith("/kWh") else 1)
        costs = {"energy": to_money * float(values @ problem.prices)}
        return Schedule(
            status=Status.INFEASIBLE if conflicts else Status.OPTIMAL,
            values=values,
            soc=problem.soc_at_start + hours * np.cumsum(values),
            baseline=np.zeros(len(values)),
            costs=costs,
            baseline_costs={"energy": 0.0},
            objective=costs["energy"],
            conflicts=tuple(conflicts),
        )


def goals(problem):
    """Pairs of a number of slots and the state of charge (MWh) at their end, in order of time."""
    if problem.targets:
        return [((t.datetime - problem.start) // problem.resolution, t.value) for t in problem.targets]
    full = problem.asset.max_soc_in_mwh
    return [] if full is None else [(len(problem.prices), max(full, problem.soc_at_start))]


@hookimpl
def register_schedulers():
    return [Greedy]
