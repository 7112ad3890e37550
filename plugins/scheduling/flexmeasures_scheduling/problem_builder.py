"""From an asset and what is asked of it to the problem that its scheduler is given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import compress
from math import isfinite
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures.db import db
from flexmeasures.errors import AlgorithmError, InputError, NotEnoughData, UnknownPrices, shown
from flexmeasures.models.sensors import Market
from flexmeasures.models.sources import EXPECTING
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import floor_time, iso_duration, iso_time, parse_duration, parse_time
from flexmeasures_algorithms import facts_of, reader_for
from flexmeasures_scheduling.base import TARGET_KINDS, SchedulingProblem, Target
from flexmeasures_scheduling.flexibility import ATTRIBUTE, KEYS, SENSOR_KEYS, Flexibility, read_flexibility
from flexmeasures_scheduling.input_checks import doubts_about
from flexmeasures_scheduling.prices import covering, forecast_from, prices_for, prices_of

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset
    from flexmeasures.timeseries import Floats
    from flexmeasures_algorithms import Reader


_SERIES = ("production_prices", "co2_prices", "demand")  # of a problem, where they are asked for


@dataclass(frozen=True)
class BuiltProblem:
    """A problem, what is recorded of it, and what the user should know of how it came about."""

    problem: SchedulingProblem
    inputs: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def build_problem(
    asset: Asset,
    arguments: Mapping[str, Any],
    at: datetime,
    horizon: timedelta,
    known_at: datetime | None = None,
    needed: Iterable[datetime] = (),
) -> BuiltProblem:
    """What is asked of an asset by an event at that time, with prices as believed now, or as known at a time.

    arguments: of the job (scheduling.schedule_job). needed: times that the plan has to reach, beside those of its
    targets: prices that are not known until then are assumed. Raises AlgorithmError, UnknownPrices among them.
    """
    flexibility = flexibility_of(asset, arguments)
    resolution = asset.event_resolution
    start = floor_time(at, resolution)
    slots = -(-horizon // resolution)
    end = start + slots * resolution
    known, market = prices_for(asset, start, end, known_at)
    stated = stated_targets(arguments)
    values = [target.value for target in stated]
    warnings = [] if known_at is not None else doubts_about(asset, arguments, values, at, market, known)
    reached = [floor_time(each, resolution) for each in (*needed, *(target.datetime for target in stated))]
    reached = [each for each in reached if start < each <= end]
    found = {"prices": covering(known, market, start, reached, known_at)}
    for name, other in _other_markets(asset, flexibility, market).items():
        window = found["prices"].series
        theirs = prices_of(other, asset, window.start, window.end, known_at)
        found[name] = covering(theirs, other, window.start, reached, known_at)
    prices, *others = _common([each.series for each in found.values()])
    assumed = [text for each in found.values() for text in each.told()]
    warnings += assumed
    if len(prices) < slots:
        covered = f"from {iso_time(prices.start)} until {iso_time(prices.end)}"
        warnings.append(
            f"The schedule covers the time {covered} only."
            if assumed
            else f"Prices of market {market.name} are known only {covered}: the schedule covers that time only."
        )
    if warnings and current_app.config["FLEXMEASURES_STRICT_SCHEDULES"]:
        raise AlgorithmError(
            f"{' '.join(warnings)} FLEXMEASURES_STRICT_SCHEDULES lets no schedule be made by that."
        )
    foreseen = forecast_from(known, market, known_at) if reached else None
    if foreseen is not None and foreseen < max(reached):
        warnings.append(
            f"Prices of market {market.name} from {iso_time(foreseen)} until {iso_time(known.end)} are forecasts."
        )
    targets, left_out = _within(stated, prices.start, prices.end, resolution)
    warnings += [
        f"The target of {t.value:g} MWh at {iso_time(t.datetime)} is outside of it." for t in left_out
    ]
    other_prices = dict(zip(list(found)[1:], (series.values for series in others), strict=True))
    reads: list[dict[str, Any]] = []
    read = reader_for(asset, at, reads)
    problem = SchedulingProblem(
        asset=facts_of(asset),
        start=prices.start,
        resolution=resolution,
        prices=prices.values,
        price_unit=market.unit,
        soc_at_start=_soc_at_start(asset, arguments, at),
        production_prices=other_prices.get("production_prices"),
        co2_prices=other_prices.get("co2_prices"),
        demand=_demand(asset, flexibility, prices, read),
        targets=targets,
        prefer_charging_sooner=flexibility.prefer_charging_sooner,
        flexibility=flexibility,
        belief_time=at,
        read=read,
    )
    inputs = _inputs(problem, market, reads)
    if foreseen is not None or known.end < prices.end:
        inputs["prices_assumed_from"] = iso_time(foreseen or known.end)
    return BuiltProblem(problem, inputs, warnings)


def _inputs(problem: SchedulingProblem, market: Market, reads: list[dict[str, Any]]) -> dict[str, Any]:
    """What the problem held, verbatim; `reads` is filled while the scheduler computes."""
    facts = problem.asset
    return {
        "start": iso_time(problem.start),
        "resolution": iso_duration(problem.resolution),
        "belief_time": None if problem.belief_time is None else iso_time(problem.belief_time),
        "market": market.id,
        "price_unit": problem.price_unit,
        "prices": problem.prices.tolist(),
        **_recorded(problem, _SERIES),
        "soc_at_start": problem.soc_at_start,
        "targets": [stated_target(target) for target in problem.targets],
        "limits": {
            "capacity_in_mw": facts.capacity_in_mw,
            "min_soc_in_mwh": facts.min_soc_in_mwh,
            "max_soc_in_mwh": facts.max_soc_in_mwh,
        },
        "prefer_charging_sooner": problem.prefer_charging_sooner,
        "flexibility": problem.flexibility.asked,
        "reads": reads,
    }


def _recorded(problem: SchedulingProblem, names: Iterable[str]) -> dict[str, list[float]]:
    """The series of the problem that are there, verbatim."""
    found = {name: getattr(problem, name) for name in names}
    return {name: values.tolist() for name, values in found.items() if values is not None}


def _other_markets(asset: Asset, flexibility: Flexibility, market: Market) -> dict[str, Market]:
    """The markets of production and of CO2 where they are asked for, by the name of their prices in a problem."""
    wanted = {
        "production_prices": ("production_market_id", flexibility.production_market_id),
        "co2_prices": ("co2_market_id", flexibility.co2_market_id),
    }
    found = {}
    for name, (key, market_id) in wanted.items():
        if market_id is None:
            continue
        other = db.session.get(Market, market_id)
        if other is None or other.unit != market.unit:
            what = "which does not exist" if other is None else f"whose unit is {other.unit}"
            raise AlgorithmError(
                f"{key} of asset {asset.name} is market {market_id}, {what}. Accepted: a market in {market.unit}."
            )
        found[name] = other
    return found


def _demand(asset: Asset, flexibility: Flexibility, prices: TimeSeries, read: Reader) -> Floats | None:
    """What leaves the store by itself, MW a slot; NotEnoughData where it is not forecast."""
    import numpy as np

    sensor_id = flexibility.demand_sensor_id
    if sensor_id is None:
        return None
    where = (sensor_id, prices.start, prices.end)
    series = read(*where, resolution=prices.resolution, source_types=EXPECTING)
    missing = np.flatnonzero(np.isnan(series.values))
    if len(missing):
        since = iso_time(prices.start + int(missing[0]) * prices.resolution)
        raise NotEnoughData(
            f"The demand of asset {asset.name} (demand_sensor_id {sensor_id}) is not known for {len(missing)} of"
            f" {len(series)} slots, the first at {since}. flexmeasures add forecasts --asset-id {sensor_id} makes it."
        )
    return series.values


def _common(found: Sequence[TimeSeries]) -> list[TimeSeries]:
    """All series cut to the window that each of them covers; UnknownPrices when there is none."""
    start, end = max(series.start for series in found), min(series.end for series in found)
    if start >= end:
        raise UnknownPrices("Prices unknown: the markets of this schedule have no time in common.")
    return [_cut(series, start, end) for series in found]


def _cut(series: TimeSeries, start: datetime, end: datetime) -> TimeSeries:
    first, last = ((moment - series.start) // series.resolution for moment in (start, end))
    return TimeSeries(start, series.resolution, series.values[first:last])


def flexibility_of(asset: Asset, arguments: Mapping[str, Any]) -> Flexibility:
    """What the settings, the asset's attributes and the event ask, the last wins; AlgorithmError naming a bad one."""
    defaults = {"relax": current_app.config["FLEXMEASURES_RELAX_TARGETS"]}
    by_asset, by_event = (asset.attributes or {}).get(ATTRIBUTE) or {}, arguments.get(ATTRIBUTE) or {}
    try:
        found = read_flexibility(defaults, by_asset, by_event)
    except InputError as error:
        raise AlgorithmError(f"The flexibility of asset {asset.name} is not understood: {error}") from None
    sooner = arguments.get("prefer_charging_sooner")
    return found if sooner is None else replace(found, prefer_charging_sooner=bool(sooner))


def _soc_at_start(asset: Asset, arguments: Mapping[str, Any], at: datetime) -> float:
    """MWh: the event's value, else the asset's own where it is of the same time, else 0 (contract 16.9)."""
    stated = arguments.get("soc_in_mwh")
    if stated is None and asset.soc_datetime == at:
        stated = asset.soc_in_mwh
    return 0.0 if stated is None else float(stated)


def stated_targets(arguments: Mapping[str, Any]) -> list[Target]:
    """The targets of a job's arguments, in order of time; InputError for what is none."""
    given = arguments.get("targets") or ()
    stated = [_target(each) for each in (given if isinstance(given, Sequence) else (given,))]
    return sorted(stated, key=lambda target: target.datetime)


def _within(
    stated: Sequence[Target], start: datetime, end: datetime, resolution: timedelta
) -> tuple[tuple[Target, ...], list[Target]]:
    """The targets that count at the end of a slot in [start, end), and the others."""
    inside = [start < floor_time(target.datetime, resolution) <= end for target in stated]
    return tuple(compress(stated, inside)), [t for t, is_in in zip(stated, inside, strict=True) if not is_in]


def _target(stated: Mapping[str, Any]) -> Target:
    try:
        value, moment, kind = float(stated["value"]), stated["datetime"], stated.get("kind", "exact")
    except (TypeError, ValueError, KeyError, AttributeError):
        accepted = "a list of objects with 'value' (MWh), 'datetime' and perhaps 'kind'"
        raise InputError(f"targets holds {shown(stated)}.", "targets", accepted) from None
    if kind not in TARGET_KINDS or not isfinite(value):
        raise InputError(f"targets holds {shown(stated)}.", "targets", f"kinds {', '.join(TARGET_KINDS)}")
    return Target(value=value, datetime=parse_time(moment, "targets.datetime").astimezone(UTC), kind=kind)


def stated_target(target: Target) -> dict[str, Any]:
    """A target as the arguments of a job hold it."""
    kind = {} if target.kind == "exact" else {"kind": target.kind}
    return {"value": target.value, "datetime": iso_time(target.datetime)} | kind


# What other sensors say of prices and demand is recorded with the schedule, and stays in the question.
CHANGES = (
    *("soc_at_start", "capacity_in_mw", "min_soc_in_mwh", "max_soc_in_mwh", "targets"),
    *(key for key in KEYS if key not in SENSOR_KEYS),
)


def rebuild_problem(asset: Asset, inputs: Mapping[str, Any], changes: Mapping[str, Any]) -> SchedulingProblem:
    """The problem of a stored schedule, from what was recorded of it, with some of its inputs changed.

    changes: by CHANGES. Raises InputError naming what is not accepted.
    """
    import numpy as np

    unknown = sorted(changes.keys() - set(CHANGES))
    if unknown:
        raise InputError(
            f"{shown(unknown[0])} cannot be changed.", unknown[0], f"any of {', '.join(CHANGES)}"
        )
    limits = {name: changes.get(name, value) for name, value in inputs["limits"].items()}
    stated = {"soc_at_start": changes.get("soc_at_start", inputs["soc_at_start"])} | limits
    for name, value in stated.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0
        ):
            raise InputError(f"{name} is {shown(value)}.", name, "a number, not negative")
    wishes = {key: value for key, value in changes.items() if key in KEYS}
    flexibility = read_flexibility(inputs.get(ATTRIBUTE) or {}, wishes)
    start, prices = parse_time(inputs["start"]), np.array(inputs["prices"], dtype=np.float64)
    resolution = parse_duration(inputs["resolution"])
    end = start + len(prices) * resolution
    stated_again = stated_targets({"targets": changes.get("targets", inputs["targets"])})
    targets, left_out = _within(stated_again, start, end, resolution)
    if left_out:
        raise InputError(
            f"targets holds one at {iso_time(left_out[0].datetime)}, outside of what was planned.",
            "targets",
            f"times after {iso_time(start)} and at most {iso_time(end)}",
        )
    series = {name: np.array(inputs[name], dtype=np.float64) for name in _SERIES if name in inputs}
    belief_time = inputs.get("belief_time")
    at = start if belief_time is None else parse_time(belief_time)
    return SchedulingProblem(
        asset=replace(facts_of(asset), **limits),
        start=start,
        resolution=resolution,
        prices=prices,
        price_unit=inputs["price_unit"],
        soc_at_start=float(stated["soc_at_start"]),
        targets=targets,
        prefer_charging_sooner=bool(
            wishes.get("prefer_charging_sooner", inputs.get("prefer_charging_sooner", True))
        ),
        flexibility=flexibility,
        belief_time=at,
        read=reader_for(asset, at, []),
        **series,
    )
