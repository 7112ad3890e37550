"""What the assets of a site should do together: their problems and their connection read into arrays, and worded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduler_storage import costs, effort, site_conflicts
from flexmeasures_scheduler_storage.limits import Input, Limits, bounds_of, dynamics, read_limits, within
from flexmeasures_scheduler_storage.lp import site_problem, solve
from flexmeasures_scheduler_storage.schedule_building import baseline_power, gap_in_words, summed, worded
from flexmeasures_scheduler_storage.shadow_prices import binding
from flexmeasures_scheduler_storage.site_conflicts import Member
from flexmeasures_scheduling import Binding, Connection, Schedule, SchedulingProblem, SitePlan, prices_per_mwh

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
    from flexmeasures_scheduler_storage.conflicts import Relaxation


def plan_site(problems: Sequence[SchedulingProblem], connection: Connection) -> SitePlan:
    """The cheapest schedules whose sum keeps to the connection, as `StorageScheduler.compute_site`."""
    members, limits = [_member(each) for each in problems], connection_limits(connection)
    shared = _shared(problems, connection, limits)
    found, relaxations = site_problem.solve_site([each.steered for each in members], shared), None
    if found.outcome is solve.Outcome.INFEASIBLE:
        with effort.part(0.5):
            relaxations = site_conflicts.relax(members, shared)
        if not connection.relax or relaxations is None:
            return _conflict(members, shared, limits, relaxations)
        members = [
            replace(each, steered=within(each.steered, relaxation.bounds))
            for each, relaxation in zip(members, relaxations, strict=True)
        ]
        found = site_problem.solve_site([each.steered for each in members], shared)
        if found.outcome is solve.Outcome.INFEASIBLE:
            return _conflict(members, shared, limits, relaxations)
    return _plan(members, shared, limits, found, relaxations)


def _member(problem: SchedulingProblem) -> Member:
    limits = read_limits(problem)
    priced = within(costs.priced(problem, dynamics(problem)), bounds_of(problem, limits.inputs))
    if priced.peak_price:
        raise AlgorithmError(
            f"peak_price_per_mw cannot be asked of asset {problem.asset.name}, which is planned with its site:"
            " ask it of the site."
        )
    steered = costs.steered(priced, problem.prefer_charging_sooner)
    return Member(problem=problem, priced=priced, steered=steered, limits=limits)


def connection_limits(connection: Connection) -> tuple[Input, ...]:
    """The limits of the connection as inputs of the user."""
    import numpy as np

    slots = np.ones(len(connection.base))
    consumption, production = connection.consumption_limit, connection.production_limit
    return (
        Input(
            name="consumption_limit_in_mw",
            words=f"the site's limit of {consumption:.10g} MW of consumption (consumption_limit_in_mw)",
            value=consumption,
            unit="MW",
            power_upper=consumption * slots,
        ),
        Input(
            name="production_limit_in_mw",
            words=f"the site's limit of {production:.10g} MW of production (production_limit_in_mw)",
            value=production,
            unit="MW",
            power_lower=-production * slots,
        ),
    )


def _shared(
    problems: Sequence[SchedulingProblem], connection: Connection, limits: Sequence[Input]
) -> site_problem.Connection:
    bounds = bounds_of(problems[0], limits)
    return site_problem.Connection(
        base=connection.base,
        lower=bounds.power_lower,
        upper=bounds.power_upper,
        spread=_spread(problems, connection),
        peak_price=connection.peak_price_per_mw,
        peak_so_far=connection.peak_so_far_in_mw,
    )


def _spread(problems: Sequence[SchedulingProblem], connection: Connection) -> Floats | None:
    """By how much net production earns less than net consumption costs, money per MWh; None for nothing."""
    if connection.production_prices is None:
        return None
    prices = prices_per_mwh(problems[0])
    for each in problems:
        if each.production_prices is not None or each.flexibility.production_price_per_mwh is not None:
            raise AlgorithmError(
                f"A price of production is asked of the site and of its asset {each.asset.name}."
                " Accepted: one of the two."
            )
        if (prices_per_mwh(each) != prices).any():
            raise AlgorithmError(
                f"The site has a price of production, but its assets {problems[0].asset.name} and {each.asset.name}"
                " have different prices of consumption. Accepted: assets of one market."
            )
    return prices - prices_per_mwh(problems[0], connection.production_prices)


def _plan(
    members: Sequence[Member],
    shared: site_problem.Connection,
    limits: Sequence[Input],
    found: site_problem.SiteSolution,
    relaxations: Sequence[Relaxation] | None,
) -> SitePlan:
    import numpy as np

    hours, schedules = members[0].priced.hours, []
    shared_limits = _binding(shared, hours, limits, found)
    for k, each in enumerate(members):
        changed = relaxations[k] if relaxations and relaxations[k].changes else None
        schedule = worded(
            each.problem, each.priced, each.steered, each.limits, _one_of(found, each, k), changed
        )
        told = schedule.explanation
        told = replace(told, binding=(*told.binding, *shared_limits))
        schedules.append(replace(schedule, explanation=told))
    baseline = np.sum([each.baseline for each in schedules], axis=0)
    spent, otherwise = (
        site_problem.connection_costs(shared, hours, power) for power in (found.power.sum(axis=0), baseline)
    )
    return SitePlan(
        schedules=tuple(schedules),
        costs=summed(spent),
        baseline_costs=summed(otherwise),
        binding=shared_limits,
        warnings=()
        if found.proven
        else (gap_in_words(found, members[0].problem, "The schedules of the site"),),
    )


def _one_of(found: site_problem.SiteSolution, member: Member, device: int) -> solve.Solution:
    """One device's part of a site's solution."""
    power, stock = found.power[device], found.stock[device]
    return solve.Solution(
        outcome=found.outcome,
        power=power,
        stock=stock,
        cost=solve.cost_of(member.steered, power, stock),
        bound=float("nan"),  # of the site as a whole
        shadow_prices=found.devices[device] if found.devices else None,
    )


def _binding(
    shared: site_problem.Connection, hours: float, limits: Sequence[Input], found: site_problem.SiteSolution
) -> tuple[Binding, ...]:
    """The limits of the connection that bind."""
    if found.limits is None:
        return ()
    net = shared.base + found.power.sum(axis=0)
    solution = solve.Solution(
        outcome=found.outcome, power=net, stock=0 * net, cost=found.cost, shadow_prices=found.limits
    )
    return binding(Limits(inputs=tuple(limits), warnings=()), shared.device(hours), solution)


def _conflict(
    members: Sequence[Member],
    shared: site_problem.Connection,
    limits: Sequence[Input],
    relaxations: Sequence[Relaxation] | None,
) -> SitePlan:
    """No schedules, and why: of each asset the same."""
    conflict = site_conflicts.find_conflict(members, shared, limits)
    words = tuple(site_conflicts.words_of(members, each) for each in conflict)
    advice = site_conflicts.advice(members, shared, limits, conflict, relaxations)
    return SitePlan(
        schedules=tuple(
            Schedule.infeasible(
                baseline_power(each.problem, each.priced, each.limits),
                conflicts=words,
                advice=advice,
                warnings=each.limits.warnings,
            )
            for each in members
        )
    )
