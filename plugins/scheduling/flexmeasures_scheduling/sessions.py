"""Charging sessions of the past, each planned anew: when its energy would have been cheapest, and what that saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flexmeasures.db import writing
from flexmeasures.errors import InputError
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import ceil_time, floor_time, iso_time
from flexmeasures_algorithms import Choice, choose
from flexmeasures_scheduling.backtest import Progress, energy_cost, plan_as_known_at
from flexmeasures_scheduling.base import Scheduler
from flexmeasures_scheduling.problem_builder import build_problem
from flexmeasures_scheduling.storing import Plan, save_schedule

# A plan that is short by less than this share of the energy of a session reaches it.
NEARLY = 1e-4


@dataclass(frozen=True, kw_only=True)
class Session:
    """A car that stood at a charging point from start to end, and the energy that it took there, MWh.

    name: how messages call it.
    """

    start: datetime
    end: datetime
    energy: float
    name: str


@dataclass(frozen=True, kw_only=True)
class SessionsResult:
    """What the sessions came to; money in `currency`, energy only.

    plans: how many were stored. energy: MWh that were planned. cost: of the plans, at the prices as they came to be.
    baseline: of charging at once, at full power. short: names of the sessions that could not be given all of their
    energy; too_short: of those without a whole slot, which have no plan.
    """

    plans: int
    currency: str
    energy: float
    cost: float
    baseline: float
    short: tuple[str, ...]
    too_short: tuple[str, ...]


def plan_sessions(
    asset: Asset, sessions: Sequence[Session], *, progress: Progress = lambda done, total: None
) -> SessionsResult:
    """Plan each session by the prices as known when it began, over the slots that lie in it, and store all plans.

    The target at the end is the energy that the session took; nothing is given back to the grid. Raises InputError
    for sessions about the same time, UnknownPrices.
    """
    _refuse_overlaps(sessions)
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    planned: list[Plan] = []
    short, too_short = list[str](), list[str]()
    energy = cost = baseline = 0.0
    currency = ""
    for number, session in enumerate(sessions):
        plan = _planned(asset, choice, session)
        progress(number + 1, len(sessions))
        if plan is None:
            too_short.append(session.name)
            continue
        real = build_problem(asset, {}, plan.problem.start, plan.problem.end - plan.problem.start).problem
        count = len(real.prices)
        energy += (taken := float(plan.schedule.values.sum()) * (real.resolution / timedelta(hours=1)))
        cost += energy_cost(real, plan.schedule.values[:count])
        baseline += energy_cost(real, plan.schedule.baseline[:count])
        currency = real.price_unit.partition("/")[0]
        if taken < (1 - NEARLY) * session.energy:
            short.append(session.name)
        planned.append(plan)
    with writing():
        for plan in planned:
            save_schedule(plan)
    return SessionsResult(
        plans=len(planned),
        currency=currency,
        energy=energy,
        cost=cost,
        baseline=baseline,
        short=tuple(short),
        too_short=tuple(too_short),
    )


def _refuse_overlaps(sessions: Sequence[Session]) -> None:
    for one, next_one in pairwise(sorted(sessions, key=lambda each: each.start)):
        if next_one.start < one.end:
            raise InputError(
                f"{one.name} and {next_one.name} are about the same time.",
                "FILE",
                "sessions of one charging point; --where picks its rows",
            )


def _planned(asset: Asset, choice: Choice[type[Scheduler]], session: Session) -> Plan | None:
    """The plan of a session; None where no slot lies in it."""
    resolution = asset.event_resolution
    start, end = ceil_time(session.start, resolution), floor_time(session.end, resolution)
    if end <= start:
        return None
    least = asset.min_soc_in_mwh or 0.0
    arguments = {
        "soc_in_mwh": least,
        "targets": [{"value": least + session.energy, "datetime": iso_time(end)}],
        # Energies are those of the meter, losses behind it included; what does not fit in is told, not refused.
        "flexibility": {"relax": True, "charge_efficiency": 1.0, "discharge_limit_in_mw": 0.0},
    }
    return plan_as_known_at(asset, choice, start.astimezone(UTC), arguments, end - start)
