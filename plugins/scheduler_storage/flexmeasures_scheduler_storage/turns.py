"""Directions of several devices behind one connection, each by its own dynamic program: a good plan, and a bound.

At the prices that the shared rows have in the linear program, each device by itself has a least cost with one
direction a slot. By how much that is above what the linear program gives it, in all, the optimum is above that program
(Lagrangian duality). Directions that fit together are found in turn: each device plans within what the connection
leaves beside the plans of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexmeasures_scheduler_storage import dynamic, effort
from flexmeasures_scheduler_storage.lp.device_problem import form_of
from flexmeasures_scheduler_storage.lp.equations import PENALTY, columns, highest_price
from flexmeasures_scheduler_storage.lp.exclusive_directions import both_ways, net_power
from flexmeasures_scheduler_storage.lp.instances import program

if TYPE_CHECKING:
    from flexmeasures_scheduler_storage.lp.device_problem import Floats, StorageProblem

    Values = Mapping[str, Floats]  # of a member's columns, by name

# How often each device plans beside the others.
ROUNDS = 2


@dataclass(frozen=True, eq=False)
class Turns:
    """power: of the devices, in their unit. gain: by how much the optimum is at least above the linear program."""

    power: list[Floats]
    gain: float


def in_turn(
    members: Sequence[StorageProblem], base: Floats, values: Sequence[Values], prices: Floats
) -> Turns | None:
    """What the devices do in turn, from an answer of the linear program; None where a device has no plan by itself.

    members: the devices, and the connection at last. prices: of the shared rows, as in `joined.Joint`. At the end of
    the time for searching, what is known by then.
    """
    import numpy as np

    devices, meter = members[:-1], members[-1]
    most = meter.power_upper
    if "peak" in values[-1]:
        most = np.minimum(most, values[-1]["peak"])
    power = [net_power(each) for each in values[:-1]]
    moved = -prices / meter.hours
    gain = 0.0
    both = [k for k, each in enumerate(devices) if both_ways(values[k]).any() and _can_plan(each)]
    try:
        for number in range(ROUNDS):
            for k in both:
                device = _at_prices(devices[k], moved)
                penalty = PENALTY * highest_price(device)
                if number == 0:
                    alone = dynamic.plan(device, penalty, effort.check_search)
                    if alone is None:
                        return None
                    gain += max(alone.bound - _cost(device, values[k]), 0.0)
                others = base + np.sum(power, axis=0) - power[k]
                lower = np.maximum(device.power_lower, meter.power_lower - others)
                upper = np.minimum(device.power_upper, most - others)
                if (lower > upper).any():
                    continue
                within = replace(device, power_lower=lower, power_upper=upper)
                found = dynamic.plan(within, penalty, effort.check_search)
                power[k] = power[k] if found is None else found.power
    except effort.OutOfTime:
        pass
    return Turns(power, gain)


def _can_plan(device: StorageProblem) -> bool:
    return dynamic.can_plan(device) and not device.peak_price


def _at_prices(device: StorageProblem, moved: Floats) -> StorageProblem:
    """The device with prices moved by those of the shared rows, money per MWh."""
    earned = None if device.production_prices is None else device.production_prices + moved
    return replace(device, prices=device.prices + moved, production_prices=earned)


def _cost(device: StorageProblem, values: Values) -> float:
    """What these values of a device's columns cost."""
    import numpy as np

    form = form_of(device)
    return float(program(device, form).cost @ np.concatenate([values[name] for name in columns(form)]))
