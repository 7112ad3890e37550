"""Schedules over a period of the past, one after the other, each by what was known then, and what they earned.

Every run plans from the state that the plan before left, and its first slots are taken as done. What they cost
at the prices as they came to be is told beside the cost with perfect foresight (one plan over the whole period
that leaves as much at the end) and without flexibility.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError, InputError, UnknownPrices
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import floor_time, iso_duration, iso_time
from flexmeasures_algorithms import choose
from flexmeasures_scheduling.base import Scheduler, SchedulingProblem, Status, Target
from flexmeasures_scheduling.job import solve_for_job
from flexmeasures_scheduling.price_slope import prices_per_mwh
from flexmeasures_scheduling.problem_builder import build_problem
from flexmeasures_scheduling.solving import solve
from flexmeasures_scheduling.storing import Plan, save_schedule

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_algorithms import Choice

# How many plans share a transaction: the disk is waited for once in so many.
TOGETHER = 50

Progress = Callable[[int, int], None]  # how many runs are done, of how many


@dataclass(frozen=True, kw_only=True)
class BacktestResult:
    """What a run over a period came to; money in `currency`, energy only.

    cost: of what was done, at the prices as they came to be. foresight: the least possible cost, prices known
    from the start, leaving the same state; None where that cannot be planned. baseline: without flexibility.
    start_soc, end_soc: MWh. plans: how many were stored; idle: how many runs found no price for their first slot.
    """

    plans: int
    idle: int
    currency: str
    cost: float
    foresight: float | None
    baseline: float
    start_soc: float
    end_soc: float


def run_backtest(
    asset: Asset,
    start: datetime,
    end: datetime,
    every: timedelta,
    *,
    soc_in_mwh: float = 0.0,
    progress: Progress = lambda done, total: None,
) -> BacktestResult:
    """Plan an asset anew every so often from start to end, store each plan, and tell what it came to.

    Prices count as known when they were recorded at or before the run. soc_in_mwh: state at the start. Raises
    InputError for a period or step that does not fit the asset's slots, UnknownPrices when a run finds none.
    """
    import numpy as np

    _check(asset, start, end, every)
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    slots, runs = (end - start) // asset.event_resolution, -(-(end - start) // every)
    horizon: timedelta = current_app.config["FLEXMEASURES_PLANNING_HORIZON"]
    done, soc, idle = np.zeros(slots), soc_in_mwh, 0
    resolution, asset_id, waiting = asset.event_resolution, asset.id, list[Plan]()
    try:
        for run in range(runs):
            at = start + run * every
            plan = plan_as_known_at(asset, choice, at, {"soc_in_mwh": soc}, horizon)
            waiting.append(plan)
            first, count = run * (every // resolution), min(every, end - at) // resolution
            ahead = (plan.problem.start - floor_time(at, resolution)) // resolution
            idle += ahead > 0
            acted = max(count - ahead, 0)
            if acted:
                done[first + ahead : first + count] = plan.schedule.values[:acted]
                soc = float(plan.schedule.soc[acted - 1])
            if len(waiting) == TOGETHER:
                _keep(waiting)
                asset = db.session.get_one(Asset, asset_id)
            progress(run + 1, runs)
    finally:
        _keep(waiting)
    asset = db.session.get_one(Asset, asset_id)
    return _summary(asset, start, end, done, soc_in_mwh, soc, runs, idle)


def _keep(waiting: list[Plan]) -> None:
    """Store the plans that wait, and forget them."""
    with writing():
        for plan in waiting:
            save_schedule(plan)
    waiting.clear()
    db.session.expunge_all()


def _check(asset: Asset, start: datetime, end: datetime, every: timedelta) -> None:
    resolution = asset.event_resolution
    if every <= timedelta(0) or every % resolution:
        accepted = f"a multiple of {iso_duration(resolution)}"
        raise InputError(f"every is {iso_duration(every)}.", "every", accepted)
    for name, moment in (("start", start), ("end", end)):
        if floor_time(moment, resolution) != moment:
            accepted = f"the begin of a slot of {iso_duration(resolution)}"
            raise InputError(f"{name} is {iso_time(moment)}.", name, accepted)
    if end <= start:
        raise InputError(f"end is {iso_time(end)}.", "end", f"later than {iso_time(start)}")


def plan_as_known_at(
    asset: Asset,
    choice: Choice[type[Scheduler]],
    at: datetime,
    arguments: Mapping[str, Any],
    horizon: timedelta,
) -> Plan:
    """The plan from a time of the past on, by the prices that were recorded by then; nothing is stored.

    arguments: as of a job. UnknownPrices says how to import them.
    """
    try:
        return solve_for_job(asset, choice, arguments, at, horizon, known_at=at)
    except UnknownPrices as error:
        raise UnknownPrices(
            f"{error} At {iso_time(at)} nothing was known of them. Prices count as known from when they were"
            " recorded: import day-ahead prices with `flexmeasures add beliefs --horizon PT13H`."
        ) from None


def _summary(
    asset: Asset,
    start: datetime,
    end: datetime,
    done: Floats,
    start_soc: float,
    end_soc: float,
    runs: int,
    idle: int,
) -> BacktestResult:
    """Compare what was done with one plan over the whole period, by the prices as they came to be."""
    question = build_problem(asset, {"soc_in_mwh": start_soc}, start.astimezone(UTC), end - start)
    choice: Choice[type[Scheduler]] = choose("scheduler", asset)
    left = Target(value=end_soc, datetime=question.problem.end, kind="minimum")
    problem = replace(question.problem, targets=(left,), prefer_charging_sooner=False)
    known = (problem.start - start) // problem.resolution
    try:
        best = solve(choice.algorithm, problem, infeasible=True)
        foresight = energy_cost(problem, best.values) if best.status is Status.OPTIMAL else None
        baseline = energy_cost(problem, best.baseline)
    except AlgorithmError:
        foresight, baseline = None, 0.0
    return BacktestResult(
        plans=runs,
        idle=idle,
        currency=problem.price_unit.partition("/")[0],
        cost=energy_cost(problem, done[known : known + len(problem.prices)]),
        foresight=foresight,
        baseline=baseline,
        start_soc=start_soc,
        end_soc=end_soc,
    )


def energy_cost(problem: SchedulingProblem, power: Floats) -> float:
    """What the energy of a plan (MW a slot) costs by the problem's prices, less what production earns."""
    import numpy as np

    paid, other = prices_per_mwh(problem), problem.production_prices
    earned = paid if other is None else prices_per_mwh(problem, other)
    by_slot = paid * np.maximum(power, 0) - earned * np.maximum(-power, 0)
    return float(problem.resolution / timedelta(hours=1) * by_slot.sum())
