"""The linear program: compiled once, safe in threads, honest about the solver's status."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from shutil import which

import numpy as np
import pytest
from scipy.sparse import csc_array

from flexmeasures_scheduler_storage.lp import equations, highs, instances, solve, templates


def storage(slots=96, seed=0, **changes):
    """A battery of 2 MW and 0.5 to 5 MWh against random prices, in slots of 15 minutes."""
    ones = np.ones(slots)
    problem = solve.StorageProblem(
        prices=np.random.default_rng(seed).normal(50, 40, slots),
        hours=0.25,
        start=2.5,
        power_lower=-2 * ones,
        power_upper=2 * ones,
        stock_lower=0.5 * ones,
        stock_upper=5 * ones,
    )
    return replace(problem, **changes)


def test_the_program_of_a_number_of_slots_is_compiled_once():
    templates._compile.cache_clear()
    for seed, hours in ((1, 0.25), (2, 1.0), (3, 0.25)):
        solve.solve(storage(slots=17, seed=seed, hours=hours))
    solve.solve(storage(slots=18))

    assert templates._compile.cache_info().misses == 2
    assert templates._compile.cache_info().hits >= 2


def test_threads_that_start_together_compile_once_and_find_what_one_alone_finds():
    problems = [storage(slots=53, seed=seed) for seed in range(24)]
    alone = [solve.solve(problem).power.tolist() for problem in problems]
    templates._compile.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        together = [solution.power.tolist() for solution in threads.map(solve.solve, problems)]

    assert together == alone
    assert templates._compile.cache_info().misses == 1


def test_a_compiled_structure_cannot_be_changed():
    form = solve.structure(solve.Form(slots=5))

    assert form.values.tolist() == pytest.approx([-1.0] * 5 + [1.0, -1.0] * 4 + [1.0])
    with pytest.raises(ValueError, match="read-only"):
        form.values[0] = 2.0


def test_the_matrix_grows_linearly_with_the_window():
    def matrix(slots):
        return solve.structure(solve.Form(slots=slots)).values

    assert len(matrix(200)) == 2 * len(matrix(100)) + 1


def test_a_problem_solved_again_after_another_gives_the_same():
    first = solve.solve(storage(seed=1))
    solve.solve(storage(seed=2, hours=1.0, start=4.0))
    again = solve.solve(storage(seed=1))

    assert again.power.tolist() == first.power.tolist()
    assert again.cost == first.cost


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_a_schedule_grows_with_its_device(size):
    small, large = (
        storage(),
        storage(
            start=2.5 * size,
            power_lower=np.full(96, -2 * size),
            power_upper=np.full(96, 2 * size),
            stock_lower=np.full(96, 0.5 * size),
            stock_upper=np.full(96, 5 * size),
        ),
    )
    assert solve.solve(large).power / size == pytest.approx(solve.solve(small).power, abs=1e-9 / size)


@pytest.mark.contract("16.10")
def test_rounding_of_the_solver_is_cleaned():
    power = solve.solve(storage(slots=192)).power

    assert not np.any((power != 0) & (np.abs(power) < solve.NOISE))
    assert np.abs(power).max() <= 2.0
    assert power.tolist() == [round(value, 9) for value in power.tolist()]


def test_limits_that_contradict_each_other_are_infeasible():
    solution = solve.solve(storage(stock_lower=np.full(96, 6.0), stock_upper=np.full(96, 7.0)))

    assert solution.outcome is solve.Outcome.INFEASIBLE
    assert np.isnan(solution.power).all()


def test_power_without_limit_is_refused():
    with pytest.raises(ValueError, match="must be finite"):
        solve.solve(storage(power_upper=np.full(96, np.inf)))


def test_highs_that_stops_before_the_optimum_is_an_error(monkeypatch):
    monkeypatch.setitem(highs.HIGHS_OPTIONS, "simplex_iteration_limit", 1)
    with pytest.raises(solve.SchedulerError, match=r"(?i)iteration limit"):
        solve.solve(storage())


def test_highs_that_refuses_an_option_is_an_error(monkeypatch):
    monkeypatch.setitem(highs.HIGHS_OPTIONS, "solver", "abacus")
    with pytest.raises(solve.SchedulerError, match="setting its option solver"):
        solve.solve(storage())


def test_highs_that_refuses_the_numbers_is_an_error():
    with pytest.raises(solve.SchedulerError, match="reading the program"):
        solve.solve(storage(stock_lower=np.full(96, np.nan)))


def test_after_preload_the_first_solve_imports_nothing_more_of_its_libraries():
    program = (
        "import sys, numpy as np; from flexmeasures_scheduler_storage.lp import solve; solve.preload();"
        "before = set(sys.modules); one = np.ones(4);"
        "solve.solve(solve.StorageProblem(prices=one, hours=1.0, start=1.0, power_lower=-one,"
        " power_upper=one, stock_lower=0 * one, stock_upper=2 * one));"
        "print(sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def same_as_in_process(solver):
    """Whether that solver, given the Pyomo model itself, finds the same cost and the same conflict."""
    problem = storage(slots=48)
    other, own = solve.solve(problem, solver), solve.solve(problem)
    impossible = solve.solve(replace(problem, stock_lower=np.full(48, 4.9)), solver)
    return other.cost == pytest.approx(own.cost) and impossible.outcome is solve.Outcome.INFEASIBLE


@pytest.mark.contract("16.11", "D10")
def test_a_solver_by_its_pyomo_name_solves_the_pyomo_model():
    assert same_as_in_process("appsi_highs")
    assert solve.solve(storage()).outcome is solve.Outcome.OPTIMAL


@pytest.mark.skipif(which("cbc") is None, reason="the executable cbc is not installed on this machine")
@pytest.mark.contract("16.11")
def test_cbc_solves_the_pyomo_model():
    assert same_as_in_process("cbc")


@pytest.mark.parametrize("solver", ["appsi_highs", "cbc"])
@pytest.mark.contract("16.11")
def test_other_solvers_find_what_highs_finds_for_whatever_is_asked(solver):
    if solver == "cbc" and which("cbc") is None:
        pytest.skip("the executable cbc is not installed on this machine")
    lossy = {"charge_efficiency": 0.9, "discharge_efficiency": 0.8, "cycle_cost": 3.0, "retention": 0.99}
    for seed, more in enumerate((lossy, {"peak_price": 200.0, "peak_so_far": 0.5}, {"end_value": 30.0})):
        problem = storage(slots=24, seed=seed, **more)
        problem = replace(problem, prices=problem.prices - 40.0)
        own, other = solve.solve(problem), solve.solve(problem, solver)
        assert other.cost == pytest.approx(own.cost, rel=1e-6, abs=1e-6)


def test_a_solver_that_is_not_installed_is_named_with_what_is_accepted():
    with pytest.raises(solve.SchedulerError, match=r"'nosuchsolver'.*FLEXMEASURES_LP_SOLVER.*highs"):
        solve.solve(storage(), "nosuchsolver")


def every_form(slots):
    for split, exclusive, peak, wishes in product((False, True), repeat=4):
        if split or not exclusive:
            yield solve.Form(slots, split, exclusive, peak, wishes)


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("form", list(every_form(0)), ids=str)
def test_numbers_patched_into_the_repeated_form_are_those_that_pyomo_compiles_of_all_slots(form, slots):
    """The objective, the matrix and the right-hand sides, with numbers that are all different."""
    random, form = np.random.default_rng(3), form._replace(slots=slots)
    problem = storage(
        slots=slots,
        production_prices=random.normal(40, 9, slots) if form.split else None,
        power_upper=random.uniform(1, 2, slots),
        power_lower=-random.uniform(1, 2, slots),
        stock_upper=random.uniform(0.7, 5, slots),
        charge_efficiency=0.9 if form.split else 1.0,
        discharge_efficiency=0.8 if form.split else 1.0,
        cycle_cost=3.0 if form.split else 0.0,
        retention=0.97,
        inflow=random.normal(0, 0.1, slots),
        end_value=21.0,
        peak_price=500.0,
        peak_so_far=0.3,
        wished_lower=random.uniform(1, 2, slots),
        wished_upper=random.uniform(3, 4, slots),
        exclusive=np.ones(slots, dtype=bool) if form.exclusive else None,
    )
    expected, found = templates.compiled_by_pyomo(problem, form), instances.program(problem, form)
    matrix = csc_array((found.values, found.indices, found.starts), shape=expected.A.shape)

    assert matrix.toarray() == pytest.approx(expected.A.toarray())
    assert found.cost == pytest.approx(expected.c.toarray().ravel())
    sides = [row.bound_type for row in expected.rows]
    for side, right, lower, upper in zip(sides, expected.rhs, found.row_lower, found.row_upper, strict=True):
        assert side in (-1, 0, 1)
        assert lower == (pytest.approx(right) if side <= 0 else -np.inf)
        assert upper == (pytest.approx(right) if side >= 0 else np.inf)


def test_an_equation_that_does_not_repeat_is_refused(monkeypatch):
    balance = equations.stock_balance
    monkeypatch.setattr(equations, "stock_balance", lambda m, j: balance(m, j) if j != 1 else m.stock[j] == 0)
    templates._repeated.cache_clear()
    with pytest.raises(solve.SchedulerError, match="balance does not repeat"):
        templates._repeated(solve.Form(slots=3))
    templates._repeated.cache_clear()
