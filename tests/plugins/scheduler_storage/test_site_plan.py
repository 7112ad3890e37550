"""Assets of a site planned together: which inputs conflict, what would do instead, and what the connection costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduler_storage import StorageScheduler, limits, site_scheduler
from flexmeasures_scheduling import Connection, Flexibility, Status

HOUR = {"minutes": 60}


def connection(slots, consumption, production=1.0, base=0.0, **more):
    return Connection(
        base=np.full(slots, base), consumption_limit=consumption, production_limit=production, **more
    )


def named(problem, name):
    return replace(problem, asset=replace(problem.asset, name=name))


def compute(problems, shared):
    return StorageScheduler().compute_site(problems, shared)


@st.composite
def crowded(draw):
    """Two or three assets with targets, behind a connection that is often too small for them."""
    slots, assets = draw(st.integers(1, 4)), []
    for _ in range(draw(st.integers(2, 3))):
        target = draw(st.tuples(st.integers(1, slots), st.sampled_from([0.0, 1.0, 2.0, 3.0])))
        kind = draw(st.sampled_from(["battery", "one-way_evse"]))
        assets.append((kind, draw(st.sampled_from([0.0, 1.0])), draw(st.sampled_from([1.0, 2.0])), target))
    limit = st.sampled_from([0.5, 1.5, 2.5])
    return slots, assets, draw(limit), draw(limit), draw(st.sampled_from([0.0, 0.25, -0.75, 2.75]))


def made(make_problem, case):
    slots, assets, consumption, production, base = case
    problems = [
        named(
            make_problem(
                [10.0 + j % 3 for j in range(slots)],
                type=kind,
                start=start,
                capacity=power,
                limits=(0.0, 3.0),
                targets=(target,),
                **HOUR,
            ),
            f"a{k}",
        )
        for k, (kind, start, power, target) in enumerate(assets)
    ]
    return problems, connection(slots, consumption, production, base)


def feasible(problems, shared, given):
    """Whether scipy's linprog finds powers under these inputs alone: (asset, input), the connection's last."""
    from scipy.optimize import linprog

    slots, count = len(problems[0].prices), len(problems)
    width = count * (slots + 1)
    rows, right, variables = [], [], []
    for k, problem in enumerate(problems):
        own = [each for number, each in given if number == k]
        bounds = limits.bounds_of(problem, own)
        if np.any(bounds.stock_lower > bounds.stock_upper):
            return False
        started = any(each.name == "start" for each in own)
        variables += [(problem.soc_at_start,) * 2 if started else (None, None)]
        variables += [
            (None if a < -1e9 else a, None if b > 1e9 else b)
            for a, b in zip(bounds.power_lower, bounds.power_upper, strict=True)
        ]
        stock = np.zeros((slots, width))
        part = slice(k * (slots + 1), (k + 1) * (slots + 1))
        stock[:, part] = np.hstack([np.ones((slots, 1)), np.tril(np.ones((slots, slots)))])
        for sign, side in ((-1, bounds.stock_lower), (1, bounds.stock_upper)):
            known = np.isfinite(side)
            rows.append(sign * stock[known])
            right.append(sign * side[known])
    total = np.tile(np.hstack([np.zeros((slots, 1)), np.eye(slots)]), count)
    bounds = limits.bounds_of(problems[0], [each for number, each in given if number == count])
    for sign, side in ((-1, bounds.power_lower), (1, bounds.power_upper)):
        known = np.isfinite(side)
        rows.append(sign * total[known])
        right.append(sign * (side - shared.base)[known])
    found = linprog(
        np.zeros(width), A_ub=np.vstack(rows), b_ub=np.concatenate(right), bounds=variables, method="highs"
    )
    return found.status == 0


def everything(problems, shared):
    """All inputs of a site with the words in which they are told."""
    own = [
        ((number, each), f"{each.words} of asset {problem.asset.name}")
        for number, problem in enumerate(problems)
        for each in limits.read_limits(problem).inputs
    ]
    return own + [((len(problems), each), each.words) for each in site_scheduler.connection_limits(shared)]


@given(case=crowded())
@settings(max_examples=30, deadline=None)
@pytest.mark.contract("16.8")
def test_the_reported_set_conflicts_and_does_not_without_any_of_its_members(make_problem, case):
    problems, shared = made(make_problem, case)
    told = everything(problems, shared)
    plan = compute(problems, shared)
    possible = feasible(problems, shared, [each for each, _ in told])

    assert [each.status is Status.OPTIMAL for each in plan.schedules] == [possible] * len(problems)
    if not possible:
        words = plan.schedules[0].conflicts
        reported = [each for each, text in told if text in words]
        assert len(reported) == len(words)
        assert not feasible(problems, shared, reported)
        for member in reported:
            assert feasible(problems, shared, [each for each in reported if each is not member])
        targets = [text for each, text in told if each[1].target is not None and text in words]
        for text in targets:
            assert any(f"Instead of {text}, " in sentence for sentence in plan.schedules[0].advice)


@given(case=crowded())
@settings(max_examples=25, deadline=None)
@pytest.mark.contract("16.8")
def test_relaxed_schedules_keep_to_the_connection_and_miss_what_is_told(make_problem, case):
    problems, shared = made(make_problem, case)
    assume(compute(problems, shared).schedules[0].status is Status.INFEASIBLE)
    plan = compute(problems, replace(shared, relax=True))
    if plan.schedules[0].status is Status.INFEASIBLE:
        # Only power limits are left to conflict: nothing that the assets store could help.
        least = [min(each.asset.capacity_in_mw, 9.0) for each in problems]
        assert (
            shared.base[0] - sum(least) > shared.consumption_limit
            or shared.base[0] > shared.consumption_limit
        )
        return
    total = shared.base + sum(each.values for each in plan.schedules)
    assert np.all(total <= shared.consumption_limit + 1e-6)
    assert np.all(total >= -shared.production_limit - 1e-6)
    assert Status.RELAXED in [each.status for each in plan.schedules]
    for problem, schedule in zip(problems, plan.schedules, strict=True):
        slot, wanted = (
            round((problem.targets[0].datetime - problem.start) / problem.resolution) - 1,
            problem.targets[0],
        )
        missed = abs(schedule.soc[slot] - wanted.value) > 1e-6
        assert not missed or schedule.status is Status.RELAXED


def test_an_asset_that_has_no_plan_by_itself_tells_its_own_conflict(make_problem):
    alone = make_problem([10.0] * 2, targets=((0.5, 3.0),))
    other = named(make_problem([10.0] * 2), "other")
    plan = compute([alone, other], connection(2, 5.0))

    assert plan.schedules[1].conflicts == plan.schedules[0].conflicts
    assert len(plan.schedules[0].conflicts) == 3
    assert all(each.endswith("of asset the device") for each in plan.schedules[0].conflicts)


def test_what_the_connection_leaves_is_told_and_done_when_relaxed(make_problem):
    problems = [
        named(make_problem([20.0, 10.0], type="one-way_evse", start=0.0, targets=((2.0, 2.0),), **HOUR), name)
        for name in ("left", "right")
    ]
    plan = compute(problems, connection(2, 1.5))
    text = "the target of 2 MWh at 2026-03-01T14:00:00Z of asset left"

    assert f"Instead of {text}, 1 MWh can be reached." in plan.schedules[0].advice
    assert plan.schedules[0].advice[-1].startswith("Cheapest relaxation (relax): the target of 2 MWh")
    relaxed = compute(problems, connection(2, 1.5, relax=True))
    assert sum(each.soc[-1] for each in relaxed.schedules) == pytest.approx(3.0)
    assert "becomes 1 MWh" in str([each.warnings for each in relaxed.schedules])


def test_net_production_and_the_peak_are_costs_of_the_connection(make_problem):
    """Two batteries sell and buy: what stays within the site is neither sold nor bought."""
    problems = [
        named(make_problem([50.0, 50.0], start=start, sooner=False, **HOUR), name)
        for start, name in ((2.0, "full"), (0.0, "empty"))
    ]
    asked = {"production_prices": np.full(2, 20.0), "peak_price_per_mw": 5.0}
    plan = compute(problems, connection(2, 9.0, 9.0, base=1.0, **asked))
    total = 1.0 + sum(each.values for each in plan.schedules)

    assert total == pytest.approx([0.0, 0.0])  # the base is met, and nothing more is worth 20 than 0
    assert plan.costs == {"production": pytest.approx(0.0), "peak": pytest.approx(0.0)}
    assert plan.baseline_costs == {"production": 0.0, "peak": pytest.approx(5.0)}


def test_the_limit_that_binds_has_a_shadow_price_and_so_have_the_assets(make_problem):
    problems = [named(make_problem([10.0, 90.0], start=0.0, sooner=False, **HOUR), name) for name in "ab"]
    plan = compute(problems, connection(2, 1.0, 9.0))
    (limit,) = plan.binding

    assert limit.limit == "consumption_limit_in_mw"
    assert limit.shadow_price == pytest.approx(10.0 - 90.0)
    assert all(limit in each.explanation.binding for each in plan.schedules)
    assert sum(each.values[0] for each in plan.schedules) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"peak_price_per_mw": 3.0}, "ask it of the site"),
        ({"production_price_per_mwh": 3.0}, "asked of the site and of its asset the device"),
    ],
)
def test_what_is_asked_of_an_asset_and_means_the_connection_is_refused(make_problem, asked, words):
    problem = replace(make_problem([10.0, 20.0]), flexibility=Flexibility(**asked))
    with pytest.raises(AlgorithmError, match=words):
        compute([problem], connection(2, 1.0, production_prices=np.ones(2)))


def test_assets_of_different_prices_cannot_have_one_price_of_production(make_problem):
    problems = [make_problem([10.0, 20.0]), named(make_problem([10.0, 30.0]), "other")]
    with pytest.raises(AlgorithmError, match="the device and other have different prices"):
        compute(problems, connection(2, 1.0, production_prices=np.ones(2)))
