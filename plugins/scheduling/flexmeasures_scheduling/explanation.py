"""What a stored schedule can tell: what it costs and why, what it saves, and what it would cost otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flexmeasures.db import db
from flexmeasures.models.schedules import StoredSchedule
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import iso_duration, iso_time
from flexmeasures_algorithms import registry_of
from flexmeasures_scheduling.activations import activation
from flexmeasures_scheduling.problem_builder import rebuild_problem
from flexmeasures_scheduling.solving import solve


def explain(stored: StoredSchedule) -> dict[str, Any]:
    """Everything about a schedule as JSON: power in MW (consumption positive), soc in MWh, money in `currency`.

    costs, baseline_costs: by component; cost, baseline_cost, saving: their sums and the difference. objective:
    what was minimised (with what the scheduler adds for sooner: preference, which is no cost). cost_slots,
    baseline_cost_slots, binding: as scheduling.told tells them. activation: the volumes of flexibility used
    (activations.Activation).
    """
    hours = stored.resolution / timedelta(hours=1)
    cost, baseline = sum(stored.costs.values()), sum(stored.baseline_costs.values())
    told = dict(stored.explanation or {})
    preference = told.pop("preference", [])
    return {
        "start": iso_time(stored.start),
        "resolution": iso_duration(stored.resolution),
        "status": stored.status,
        "algorithm": stored.algorithm,
        "because": stored.because,
        "currency": stored.price_unit.partition("/")[0],
        "values": stored.values,
        "soc": stored.soc,
        "prices": stored.prices,
        "price_unit": stored.price_unit,
        "cost": cost,
        "costs": stored.costs,
        "baseline": stored.baseline,
        "baseline_cost": baseline,
        "baseline_costs": stored.baseline_costs,
        "saving": baseline - cost,
        "objective": stored.objective,
        "preference": sum(preference),
        "activation": asdict(activation(stored.values, stored.baseline, hours)),
        "warnings": stored.warnings,
        **told,
    }


def what_if(stored: StoredSchedule, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the schedule would cost with some inputs changed (questions.CHANGES), by solving again; nothing is stored.

    more: by how much more than the stored one. When there is none: status infeasible, conflicts and advice in
    words. Raises InputError for changes that are not accepted, AlgorithmError when it cannot be planned.
    """
    asset = db.session.get_one(Asset, stored.sensor_id)
    problem = rebuild_problem(asset, stored.inputs, changes)
    scheduler = registry_of("scheduler").get(stored.algorithm)
    schedule = solve(scheduler, problem, infeasible=True)
    answer: dict[str, Any] = {"status": schedule.status.value, "warnings": list(schedule.warnings)}
    if schedule.conflicts:
        return answer | {"conflicts": list(schedule.conflicts), "advice": list(schedule.advice)}
    cost = sum(schedule.costs.values())
    return answer | {
        "cost": cost,
        "costs": dict(schedule.costs),
        "more": cost - sum(stored.costs.values()),
        "values": schedule.values.tolist(),
        "soc": schedule.soc.tolist(),
    }
