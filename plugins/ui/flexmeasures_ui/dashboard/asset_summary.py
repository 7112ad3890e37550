"""Assets at a glance: a sentence, and a row for each with its last value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import current_app

from flexmeasures.beliefs import last_values
from flexmeasures.models import Asset, User
from flexmeasures.timing import server_now
from flexmeasures_charts.formatting import age, duration, local, number, power_unit, short, shown
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext, ngettext

if TYPE_CHECKING:
    from flexmeasures_ui.dashboard.plans import Plan


@dataclass(frozen=True)
class Row:
    """One asset. now: its last power in the table's unit, consumption positive, "" if none is known.

    planned: it has a schedule and no fresh measurement; then `now` is what the schedule says.
    """

    asset: Asset
    type_name: str
    capacity: str
    now: str
    doing: str
    age: str
    exact: str
    stale: bool
    planned: bool = False


@dataclass(frozen=True)
class Overview:
    """All assets, in one unit of power, of which per_mw make an MW.

    powers: by id, MW, consumption positive: fresh measurements, else plans.
    """

    sentence: str
    all_well: bool
    unit: str
    per_mw: float
    rows: tuple[Row, ...]
    powers: Mapping[int, float]


def overview(assets: Sequence[Asset], user: User, plans: Mapping[int, Plan] | None = None) -> Overview:
    """The assets as they are at this moment. plans: of those that have a schedule, by id."""
    planned = plans or {}
    now = server_now()
    zone = readers_zone()
    # In play mode the newest state may lie in the future.
    until = None if current_app.config["FLEXMEASURES_MODE"] == "play" else now
    last = last_values(assets, until) if assets else {}
    unit, per_mw = power_unit(max((asset.capacity_in_mw or 0.0 for asset in assets), default=1.0))
    rows = tuple(
        _row(asset, last.get(asset.id), now, zone, per_mw, planned.get(asset.id)) for asset in assets
    )
    fresh = [last[row.asset.id][1] for row in rows if not row.stale and not row.planned]
    powers = {row.asset.id: last[row.asset.id][1] for row in rows if not row.stale and not row.planned}
    powers |= {row.asset.id: planned[row.asset.id].now for row in rows if row.planned and row.now}
    sentence = _sentence(rows, fresh, unit, per_mw, user)
    return Overview(sentence, all(not row.stale for row in rows), unit, per_mw, rows, powers)


def _row(
    asset: Asset,
    last: tuple[datetime, float] | None,
    now: datetime,
    zone: ZoneInfo,
    per_mw: float,
    plan: Plan | None,
) -> Row:
    type_name = gettext(asset.type.display_name) if asset.type is not None else ""
    capacity = "" if asset.capacity_in_mw is None else short(asset.capacity_in_mw * per_mw)
    silent = last is None or now - last[0] - asset.event_resolution > _patience(asset.event_resolution)
    if plan is not None and silent:
        known = plan.now == plan.now
        power_now = number(shown(plan.now, consumption_as_positive=True) * per_mw) if known else ""
        doing = gettext("%(producing)s as scheduled", producing=_doing(plan.now)) if known else ""
        return Row(
            asset,
            type_name,
            capacity,
            power_now,
            doing,
            gettext("scheduled, not measured"),
            "",
            stale=False,
            planned=True,
        )
    if last is None:
        return Row(asset, type_name, capacity, "", "", gettext("no data yet"), "", stale=True)
    start, power = last
    end = start + asset.event_resolution
    value = shown(power, consumption_as_positive=True)
    every = gettext("(expected every %(duration)s)", duration=duration(asset.event_resolution))
    expected = f" {every}" if silent else ""
    return Row(
        asset,
        type_name,
        capacity,
        number(value * per_mw),
        _doing(value),
        age(end, now, asset.event_resolution) + expected,
        local(end, zone),
        silent,
    )


def _doing(power: float) -> str:
    if power == 0:
        return gettext("idle")
    return gettext("consuming") if power > 0 else gettext("producing")


def _patience(resolution: timedelta) -> timedelta:
    """How long after the end of its last slot an asset may be silent before it counts as silent."""
    return max(timedelta(hours=1), 3 * resolution)


def _sentence(rows: Sequence[Row], fresh: Sequence[float], unit: str, per_mw: float, user: User) -> str:
    """What matters first: who is silent, and what the others use together."""
    if not rows:
        whose = gettext("There are no assets yet.") if user.is_admin else gettext("You have no assets yet.")
        how = gettext("An administrator adds them with `flexmeasures add asset` or through the API.")
        return f"{whose} {how}"
    silent = [row for row in rows if row.stale]
    using = _using(shown(sum(fresh), consumption_as_positive=True) * per_mw, unit)
    following = sum(row.planned for row in rows)
    plans = (
        ngettext(
            "%(num)s asset without a meter follows a schedule.",
            "%(num)s assets without a meter follow a schedule.",
            following,
        )
        if following
        else ""
    )
    if not silent:
        reporting = len(rows) - following
        well = (
            ngettext(
                "All well: %(num)s asset reporting, %(using)s.",
                "All well: %(num)s assets reporting, %(using)s.",
                reporting,
                using=using,
            )
            if reporting
            else gettext("All well: no asset reports.")
        )
        return f"{well} {plans}".strip()
    names = ", ".join(f"{row.asset.display_name} ({row.age})" for row in silent[:3])
    if len(silent) > 3:
        names += " " + gettext("and %(count)s more", count=len(silent) - 3)
    told = ngettext(
        "%(silent)s of %(num)s asset silent: %(names)s.",
        "%(silent)s of %(num)s assets silent: %(names)s.",
        len(rows),
        silent=len(silent),
        names=names,
    )
    rest = gettext("The others are %(using)s.", using=using) if fresh else ""
    return " ".join(part for part in (told, rest, plans) if part)


def _using(total: float, unit: str) -> str:
    """What all use or produce together; total in that unit, consumption positive."""
    amount = f"{number(abs(total))} {unit}"
    if total < 0:
        return gettext("producing %(amount)s together", amount=amount)
    return gettext("using %(amount)s together", amount=amount)
