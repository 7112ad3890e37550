"""Why the newest schedule of an asset looks as it does, in words: its cost, what holds it back, what it does when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import flexmeasures_scheduling as scheduling
from flexmeasures.models import Asset, StoredSchedule
from flexmeasures.models.jobs import JobState
from flexmeasures.timing import parse_duration, parse_time, server_now
from flexmeasures_charts import formatting
from flexmeasures_charts.reader import readers_zone
from flexmeasures_scheduling import explain
from flexmeasures_translation import day_and_time, gettext, marked, weekday_and_time

_COMPONENTS = {
    "energy": marked("Energy"),
    "co2": "CO2",
    "cycling": marked("Wear of the device"),
    "peak": marked("Highest consumption"),
    "end_value": marked("Energy left at the end"),
}

# Limits that schedulers know by name, in the words in which they say them themselves; other words stay as they are.
_LIMITS = {
    "capacity_in_mw": marked("the power limit of %(value)s"),
    "charge_limit_in_mw": marked("the charging limit of %(value)s"),
    "discharge_limit_in_mw": marked("the discharging limit of %(value)s"),
    "min_soc_in_mwh": marked("the minimum of %(value)s"),
    "max_soc_in_mwh": marked("the maximum of %(value)s"),
    "asset_type": marked("that it cannot discharge"),
}

# Power below this (MW) is none.
IDLE = 1e-9
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True)
class Limit:
    """A limit or target that keeps the plan from being cheaper. times: in how many slots it does."""

    words: str
    times: int
    effect: str


@dataclass(frozen=True)
class Step:
    """A time in which the plan does one thing. power: the mean, in the plan's unit; soc: MWh at its end."""

    start: str
    end: str
    doing: str
    power: float
    price: str
    soc: float
    cost: float
    why: str


@dataclass(frozen=True)
class Plan:
    """The newest schedule as the page tells it; parts: name, cost, cost without flexibility."""

    headline: str
    when: str
    relaxed: bool
    currency: str
    price_unit: str
    unit: str
    parts: Sequence[tuple[str, float, float]]
    cost: float
    baseline_cost: float
    limits: Sequence[Limit]
    steps: Sequence[Step]
    warnings: Sequence[str]
    because: str
    against_last: str
    now: str


def plan_of(asset: Asset) -> Plan | None:
    """The newest schedule of an asset in words; None when there is none."""
    stored = scheduling.newest_schedule(asset)
    if stored is None:
        return None
    told = explain(stored)
    zone = readers_zone()
    start, resolution = parse_time(told["start"]), parse_duration(told["resolution"])
    unit, per_mw = formatting.power_unit(asset.capacity_in_mw or 1.0)
    costs, baseline = told["costs"], told["baseline_costs"]
    names = list(dict.fromkeys([*costs, *baseline]))
    end = start + len(told["values"]) * resolution
    return Plan(
        headline=_headline(told),
        when=gettext(
            "%(start)s to %(end)s", start=formatting.local(start, zone), end=formatting.local(end, zone)
        ),
        relaxed=told["status"] == "relaxed",
        currency=told["currency"],
        price_unit=told["price_unit"],
        unit=unit,
        parts=[
            (_component(name), _rounded(costs.get(name, 0.0)), _rounded(baseline.get(name, 0.0)))
            for name in names
        ],
        cost=_rounded(told["cost"]),
        baseline_cost=_rounded(told["baseline_cost"]),
        limits=[_limit(each, told["currency"], unit, per_mw, zone) for each in told.get("binding", ())],
        steps=_steps(told, start, resolution, zone, per_mw),
        warnings=told["warnings"],
        because=told["because"],
        against_last=_against_last(stored, zone, unit, per_mw),
        now=_now(told, start, resolution, zone),
    )


def _now(told: Mapping[str, Any], start: datetime, resolution: timedelta, zone: ZoneInfo) -> str:
    """What the plan does at this moment and at what price, and when it consumes next; "" outside of the plan."""
    values, slot = told["values"], (server_now() - start) // resolution
    if not 0 <= slot < len(values):
        return ""
    stretches = [
        (doing, list(slots))
        for doing, slots in groupby(range(slot, len(values)), lambda k: _doing(values[k]))
    ]

    def at(slots: Sequence[int]) -> str:
        return f"{_range([told['prices'][k] for k in slots])} {told['price_unit']}"

    doing, slots = stretches[0]
    end = (start + (slots[-1] + 1) * resolution).astimezone(zone)
    said = gettext(
        "Now it %(consumes)s until %(time)s, at %(price)s.",
        consumes=gettext(doing),
        time=weekday_and_time(end),
        price=at(slots),
    )
    later = next((slots for next_doing, slots in stretches[1:] if next_doing == "consumes"), None)
    if doing != "consumes" and later is not None:
        begin = (start + later[0] * resolution).astimezone(zone)
        said += " " + gettext(
            "It consumes next from %(time)s on, at %(price)s.", time=weekday_and_time(begin), price=at(later)
        )
    return said


def _against_last(stored: StoredSchedule, zone: ZoneInfo, unit: str, per_mw: float) -> str:
    """How the plan differs from the one before it, in the slots that both plan; "" without such a one."""
    last = scheduling.schedule_before(stored)
    if last is None or last.resolution != stored.resolution:
        return ""
    moved = (stored.start - last.start) // stored.resolution
    both = [
        (slot, value, last.values[slot + moved])
        for slot, value in enumerate(stored.values)
        if 0 <= slot + moved < len(last.values)
    ]
    if not both:
        return ""
    other = [(slot, value, before) for slot, value, before in both if abs(value - before) > IDLE]
    if not other:
        return gettext("The schedule before it planned the same for the slots that both plan.")
    slot, value, before = other[0]
    first = formatting.local(stored.start + slot * stored.resolution, zone)
    now, then = (formatting.number(per_mw * each) for each in (value, before))
    return gettext(
        "It differs from the schedule before it in %(count)s of the %(all)s slots that both plan, first at %(first)s:"
        " %(now)s instead of %(then)s.",
        count=len(other),
        all=len(both),
        first=first,
        now=now,
        then=f"{then} {unit}",
    )


def refusal_of(asset: Asset) -> str | None:
    """Why the last event of an asset has no schedule, None when it has one or waits for it."""
    if asset.soc_udi_event_id is None:
        return None
    job = scheduling.newest_job(asset, asset.soc_udi_event_id)
    if job is None or job.state != JobState.FAILED or job.error is None:
        return None
    return _in_local_times(job.error, readers_zone())


def _component(name: str) -> str:
    return _COMPONENTS.get(name, name.replace("_", " ").capitalize())


def _headline(told: Mapping[str, Any]) -> str:
    cost, saving, money = told["cost"], told["saving"], told["currency"]
    amount = f"{money} {formatting.number(_rounded(abs(cost)))}"
    first = (
        gettext("Earns %(amount)s", amount=amount) if cost < 0 else gettext("Costs %(amount)s", amount=amount)
    )
    if _rounded(saving) == 0:
        return gettext("%(earns)s, the same as without flexibility.", earns=first)
    difference = f"{money} {formatting.number(abs(saving))}"
    if (saving > 0) == (cost < 0):
        return gettext("%(earns)s, %(amount)s more than without flexibility.", earns=first, amount=difference)
    return gettext("%(earns)s, %(amount)s less than without flexibility.", earns=first, amount=difference)


def _rounded(value: float) -> float:
    """Money or MWh without the rounding of sums."""
    return round(value, 9)


def _limit(each: Mapping[str, Any], money: str, unit: str, per_mw: float, zone: ZoneInfo) -> Limit:
    """Power in the plan's unit, energy in MWh."""
    by_power = each["unit"] == "MW"
    change = each["shadow_price"] / (per_mw if by_power else 1.0)
    values = {
        "unit": unit if by_power else each["unit"],
        "amount": f"{money} {formatting.number(abs(change))}",
    }
    larger = (
        gettext("1 %(unit)s more would save %(amount)s", **values)
        if change < 0
        else gettext("1 %(unit)s more would cost %(amount)s", **values)
    )
    return Limit(_words(each, zone), len(each["slots"]), larger)


def _words(each: Mapping[str, Any], zone: ZoneInfo) -> str:
    known = _LIMITS.get(each["limit"])
    if known is None:
        return _plain(each["words"], zone)
    return gettext(known, value=f"{formatting.short(each['value'])} {each['unit']}")


def _plain(text: str, zone: ZoneInfo) -> str:
    """What limits say, in local times, and without the name of the field that it stands in for those who set it."""
    text = re.sub(r" \([a-z-]+_[a-z_-]+\)", "", text)
    return _in_local_times(text, zone)


def _in_local_times(text: str, zone: ZoneInfo) -> str:
    return _TIME.sub(lambda found: formatting.local(parse_time(found[0]), zone), text)


def _steps(
    told: Mapping[str, Any], start: datetime, resolution: timedelta, zone: ZoneInfo, per_mw: float
) -> list[Step]:
    """Slots that follow each other and do the same, as one."""
    values, prices = told["values"], told["prices"]
    costs = [sum(slot) for slot in zip(*told.get("cost_slots", {}).values(), strict=True)]
    held: dict[datetime, list[str]] = {}
    for each in told.get("binding", ()):
        for moment, _ in each["slots"]:
            held.setdefault(parse_time(moment), []).append(_words(each, zone))
    found = []
    for doing, group in groupby(range(len(values)), lambda slot: _doing(values[slot])):
        slots = list(group)
        moments = [start + slot * resolution for slot in slots]
        begin, end = (each.astimezone(zone) for each in (moments[0], moments[-1] + resolution))
        limits = dict.fromkeys(text for moment in moments for text in held.get(moment, ()))
        found.append(
            Step(
                start=day_and_time(begin, year=False),
                end=f"{end:%H:%M}" if end.date() == begin.date() else day_and_time(end, year=False),
                doing=doing,
                power=per_mw * sum(values[slot] for slot in slots) / len(slots),
                price=_range([prices[slot] for slot in slots]),
                soc=_rounded(told["soc"][slots[-1]]),
                cost=_rounded(sum(costs[slot] for slot in slots)) if costs else float("nan"),
                why="; ".join(limits),
            )
        )
    return found


def _doing(power: float) -> str:
    if abs(power) <= IDLE:
        return marked("waits")
    return marked("consumes") if power > 0 else marked("produces")


def _range(values: Sequence[float]) -> str:
    low, high = formatting.number(min(values)), formatting.number(max(values))
    return low if low == high else gettext("%(low)s to %(high)s", low=low, high=high)
