"""Assets at a glance: a sentence, and a row for each with its last value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app

from flexmeasures.beliefs import last_values
from flexmeasures.models import Asset, User
from flexmeasures.timing import server_now
from flexmeasures_charts.formatting import age, duration, local, number, power_unit, short, shown


@dataclass(frozen=True)
class Row:
    """One asset. now: its last power in the table's unit, consumption positive, "" if none is known."""

    asset: Asset
    type_name: str
    capacity: str
    now: str
    doing: str
    age: str
    exact: str
    stale: bool


@dataclass(frozen=True)
class Overview:
    """All assets, in one unit of power."""

    sentence: str
    all_well: bool
    unit: str
    rows: tuple[Row, ...]


def overview(assets: Sequence[Asset], user: User) -> Overview:
    """The assets as they are at this moment."""
    now = server_now()
    zone = ZoneInfo(current_app.config["FLEXMEASURES_TIMEZONE"])
    # In play mode the newest state may lie in the future.
    until = None if current_app.config["FLEXMEASURES_MODE"] == "play" else now
    last = last_values(assets, until) if assets else {}
    unit, per_mw = power_unit(max((asset.capacity_in_mw or 0.0 for asset in assets), default=1.0))
    rows = tuple(_row(asset, last.get(asset.id), now, zone, per_mw) for asset in assets)
    fresh = [last[row.asset.id][1] for row in rows if not row.stale]
    return Overview(
        _sentence(rows, fresh, unit, per_mw, user), all(not row.stale for row in rows), unit, rows
    )


def _row(
    asset: Asset, last: tuple[datetime, float] | None, now: datetime, zone: ZoneInfo, per_mw: float
) -> Row:
    type_name = asset.type.display_name if asset.type is not None else ""
    capacity = "" if asset.capacity_in_mw is None else short(asset.capacity_in_mw * per_mw)
    if last is None:
        return Row(asset, type_name, capacity, "", "", "no data yet", "", stale=True)
    start, power = last
    end = start + asset.event_resolution
    stale = now - end > _patience(asset.event_resolution)
    value = shown(power, consumption_as_positive=True)
    doing = "consuming" if value > 0 else "producing" if value < 0 else "idle"
    expected = f" (expected every {duration(asset.event_resolution)})" if stale else ""
    return Row(
        asset,
        type_name,
        capacity,
        number(value * per_mw),
        doing,
        age(end, now, asset.event_resolution) + expected,
        local(end, zone),
        stale,
    )


def _patience(resolution: timedelta) -> timedelta:
    """How long after the end of its last slot an asset may be silent before it counts as silent."""
    return max(timedelta(hours=1), 3 * resolution)


def _sentence(rows: Sequence[Row], fresh: Sequence[float], unit: str, per_mw: float, user: User) -> str:
    """What matters first: who is silent, and what the others use together."""
    if not rows:
        whose = "There are no assets yet." if user.is_admin else "You have no assets yet."
        return f"{whose} An administrator adds them with `flexmeasures add asset` or through the API."
    silent = [row for row in rows if row.stale]
    total = shown(sum(fresh), consumption_as_positive=True) * per_mw
    verb = "using" if total >= 0 else "producing"
    using = f"{verb} {number(abs(total))} {unit} together"
    if not silent:
        return f"All well: {_count(len(rows), 'asset')} reporting, {using}."
    names = ", ".join(f"{row.asset.display_name} ({row.age})" for row in silent[:3])
    more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
    rest = f" The others are {using}." if fresh else ""
    return f"{len(silent)} of {_count(len(rows), 'asset')} silent: {names}{more}.{rest}"


def _count(number_of: int, thing: str) -> str:
    return f"{number_of} {thing}{'' if number_of == 1 else 's'}"
