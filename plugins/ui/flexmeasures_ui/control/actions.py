"""Plans as actions: stretches of time in which an asset consumes or produces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures_ui.dashboard.plans import IDLE, Plan
from flexmeasures_ui.money import prices_per_mwh

if TYPE_CHECKING:
    from flexmeasures.models import Asset
    from flexmeasures.timeseries import Floats

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Action:
    """What an asset is to do from start to end: mean power in MW and energy in MWh, consumption positive.

    cost: at the prices of the asset's market, in `currency` (earnings negative); None where prices are not known.
    """

    asset: Asset
    start: datetime
    end: datetime
    power: float
    energy: float
    cost: float | None
    currency: str


def actions_of(plans: Sequence[Plan]) -> list[Action]:
    """The actions of these plans in order of time; less than IDLE of an asset's capacity is none."""
    found = [action for plan in plans for action in _of_plan(plan)]
    return sorted(found, key=lambda action: (action.start, action.asset.display_name))


def _of_plan(plan: Plan) -> Iterator[Action]:
    least = IDLE * (plan.asset.capacity_in_mw or 1.0)
    powers = np.array(plan.powers)
    ways = np.where(np.abs(powers) > least, np.sign(powers), 0.0)  # of NaN, which is no action: 0
    prices, currency = _prices(plan)
    hours = plan.resolution / HOUR
    for way, group in groupby(range(len(powers)), lambda slot: float(ways[slot])):
        slots = list(group)
        if not way:
            continue
        energies = powers[slots] * hours
        cost = float((energies * prices[slots]).sum())
        yield Action(
            asset=plan.asset,
            start=plan.start + slots[0] * plan.resolution,
            end=plan.start + (slots[-1] + 1) * plan.resolution,
            power=float(powers[slots].mean()),
            energy=float(energies.sum()),
            cost=cost if np.isfinite(cost) else None,
            currency=currency,
        )


def _prices(plan: Plan) -> tuple[Floats, str]:
    """Money per MWh in each slot, shape (n,), NaN where it is not known; and its currency."""
    market = plan.asset.market
    priced = None if market is None else prices_per_mwh(market, plan.start, plan.resolution, len(plan.powers))
    return (np.full(len(plan.powers), np.nan), "") if priced is None else (priced[1], priced[0])
