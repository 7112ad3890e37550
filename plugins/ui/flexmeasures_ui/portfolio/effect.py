"""What schedules change: each slot by the newest schedule that plans it, against the same without flexibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models import StoredSchedule
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import duration_ms, floor_time, to_ms
from flexmeasures_scheduling import activation
from flexmeasures_translation import marked
from flexmeasures_ui.portfolio.summary import add_money, type_title

if TYPE_CHECKING:
    from flexmeasures.models import Asset
    from flexmeasures.timeseries import Floats
    from flexmeasures_ui.time_window import Window

HOUR = timedelta(hours=1)
WATT_HOURS = 6  # decimals of MWh: what is smaller is the rounding of computers
LONGEST = timedelta(days=14)  # of a schedule: older starts reach no slot of the window


@dataclass
class Effect:
    """What the schedules of assets of one type do.

    curtailed: MWh by which they consume less in all (or produce more); shifted: MWh that are moved to another time;
    saved: money by currency.
    """

    name: str
    assets: int = 0
    curtailed: float = 0.0
    shifted: float = 0.0
    saved: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """Of one asset, from `start` on: change of power in MW (consumption positive) and money saved a slot, shape (n,).

    NaN where nothing is planned.
    """

    asset: Asset
    start: datetime
    power: Floats
    saved: Floats
    currency: str


def changes(assets: Sequence[Asset], window: Window) -> list[Change]:
    """The changes of those assets that have a schedule in the window, on their own slots from its start on."""
    query = select(StoredSchedule).where(
        StoredSchedule.sensor_id.in_([asset.id for asset in assets]),
        StoredSchedule.start < window.end,
        StoredSchedule.start > window.start - LONGEST,
    )
    made: dict[int, list[StoredSchedule]] = {}
    for stored in db.session.scalars(query.order_by(StoredSchedule.id)):
        made.setdefault(stored.sensor_id, []).append(stored)
    return [
        change
        for asset in assets
        if asset.id in made and (change := _change(asset, made[asset.id], window)) is not None
    ]


def effects_by_type(found: Sequence[Change]) -> list[Effect]:
    """The volumes and the money by type of asset."""
    effects: dict[str, Effect] = {}
    for change in found:
        name = type_title(change.asset)
        of_type = effects.setdefault(name, Effect(name))
        volumes = activation(
            np.nan_to_num(change.power), np.zeros(len(change.power)), change.asset.event_resolution / HOUR
        )
        of_type.assets += 1
        of_type.curtailed -= round(volumes.net_in_mwh, WATT_HOURS)
        of_type.shifted += volumes.shifted_in_mwh
        add_money(of_type.saved, {change.currency: float(np.nansum(change.saved))})
    return list(effects.values())


def total_of(effects: Sequence[Effect]) -> Effect:
    """All of them together."""
    total = Effect(marked("all"))
    for each in effects:
        total.assets += each.assets
        total.curtailed += each.curtailed
        total.shifted += each.shifted
        add_money(total.saved, each.saved)
    return total


def regulation(found: Sequence[Change], window: Window, resolution: timedelta) -> TimeSeries:
    """Up-regulation of all together in MW (down-regulation negative) on slots of the window; NaN unplanned."""
    count = -((window.start - window.end) // resolution)
    total, planned = np.zeros(count), np.zeros(count, dtype=bool)
    for change in found:
        finer = max(change.asset.event_resolution // resolution, 1)
        step = change.asset.event_resolution / finer
        power = np.repeat(change.power, finer)
        offsets = to_ms(change.start) - to_ms(window.start) + duration_ms(step) * np.arange(len(power))
        slots = offsets // duration_ms(resolution)
        used = ~np.isnan(power) & (slots >= 0) & (slots < count)
        total -= np.bincount(slots[used], power[used], count) * (step / resolution)
        planned[slots[used]] = True
    return TimeSeries(window.start, resolution, np.where(planned, total, np.nan))


def _change(asset: Asset, made: Sequence[StoredSchedule], window: Window) -> Change | None:
    own = asset.event_resolution
    start = floor_time(window.start, own)
    count = -((start - window.end) // own)
    power, saved = np.full(count, np.nan), np.full(count, np.nan)
    for stored in made:
        first = (stored.start - start) // own
        low, high = max(first, 0), min(first + len(stored.values), count)
        if stored.resolution != own or low >= high:
            continue
        part = slice(low - first, high - first)
        planned = np.array(stored.values, dtype=np.float64)
        power[low:high] = (planned - np.array(stored.baseline, dtype=np.float64))[part]
        saved[low:high] = _saved(stored, len(planned))[part]
    if np.isnan(power).all():
        return None
    return Change(asset, start, power, saved, made[-1].price_unit.partition("/")[0])


def _saved(stored: StoredSchedule, count: int) -> Floats:
    """What the plan saves a slot; of schedules that tell no costs a slot, evenly."""
    told = stored.explanation or {}
    slots = [
        np.sum([np.array(values, dtype=np.float64) for values in told.get(key, {}).values()], axis=0)
        for key in ("baseline_cost_slots", "cost_slots")
    ]
    if all(np.shape(each) == (count,) for each in slots):
        return np.asarray(slots[0] - slots[1], dtype=np.float64)
    whole = sum(stored.baseline_costs.values()) - sum(stored.costs.values())
    return np.full(count, whole / count)
