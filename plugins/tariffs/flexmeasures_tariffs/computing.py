"""The prices of a tariff, computed from what is believed of the markets that it names, and stored as beliefs.

A price is believed from the moment on at which the last of its inputs was recorded. Where a formula took the place of
another one, it is believed from the moment on at which that was stated. Fixed prices are known LONG_BEFORE they apply.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.db import db
from flexmeasures.models import Market
from flexmeasures.models.sources import SCRIPT
from flexmeasures.sources import get_source
from flexmeasures.timing import MILLISECOND, ceil_time, duration_ms, from_ms, to_ms
from flexmeasures_tariffs.formula import Clock, Tariff, Version
from flexmeasures_tariffs.schema import tariff_of

if TYPE_CHECKING:
    from flexmeasures.models import Source
    from flexmeasures.timeseries import Floats, Integers

MODEL = "tariff"
AHEAD = timedelta(days=8)  # so far into the future fixed prices are computed
LONG_BEFORE = timedelta(days=31)
PER_MWH = {"MWh": 1.0, "kWh": 1000.0}


def all_tariffs() -> list[tuple[Market, Tariff]]:
    """The markets that are computed, by name."""
    markets = db.session.scalars(select(Market).order_by(Market.name))
    return [(market, tariff) for market in markets if (tariff := tariff_of(market)) is not None]


def factor_between(market: Market, other: Market) -> float:
    """What makes the other market's prices prices in the first one's unit, of the same currency."""
    return PER_MWH[other.unit[4:]] / PER_MWH[market.unit[4:]]


def compute(
    market: Market, tariff: Tariff, start: datetime | None = None, end: datetime | None = None
) -> int:
    """Store the tariff's prices of a window (None: of all that is known); how many were stored.

    To be called inside `with db.writing():`.
    """
    source = get_source(market.name, SCRIPT, MODEL)
    count = 0
    for version in tariff.versions:
        stretch = _stretch(market, tariff, version, start, end)
        if stretch is not None:
            count += stretch.store(market, source)
    return count


@dataclass
class _Stretch:
    """Slots to which one version applies.

    first: start of the first slot. inputs: by market, what is believed so far, shape (n,), NaN for nothing.
    """

    version: Version
    first: datetime
    clock: Clock
    resolution: timedelta
    changes: list[
        tuple[int, int, Integers, Floats]
    ]  # recorded (ms), market, slots, prices; in order of recording
    fixed_since: int
    inputs: dict[int, Floats] = field(default_factory=dict)

    def store(self, market: Market, source: Source) -> int:
        """Store the prices at each moment at which they became other ones."""
        import numpy as np

        count = len(self.clock.months)
        self.inputs = {each: np.full(count, np.nan) for each in self.version.markets}
        if not self.inputs:
            everything = np.arange(count)
            return self._store_slots(market, source, max(self.fixed_since, self.version.stated), everything)
        stored = 0
        touched: list[Integers] = []
        for k, (recorded, which, slots, prices) in enumerate(self.changes):
            self.inputs[which][slots] = prices
            touched.append(slots)
            known = max(recorded, self.version.stated)
            following = self.changes[k + 1][0] if k + 1 < len(self.changes) else None
            if following is None or max(following, self.version.stated) > known:
                stored += self._store_slots(market, source, known, np.unique(np.concatenate(touched)))
                touched = []
        return stored

    def _store_slots(self, market: Market, source: Source, known: int, slots: Integers) -> int:
        import numpy as np

        low, high = int(slots[0]), int(slots[-1]) + 1
        within = slice(low, high)
        clock = Clock(self.clock.months[within], self.clock.days[within], self.clock.minutes[within])
        prices = self.version.prices(clock, {each: values[within] for each, values in self.inputs.items()})
        chosen = np.full(high - low, np.nan)
        chosen[slots - low] = prices[slots - low]
        stored = beliefs.store(
            market,
            chosen,
            self.first + low * self.resolution,
            self.resolution,
            source,
            belief_time=from_ms(known),
            on_existing="replace",
        )
        return stored.new + stored.replaced


def _stretch(
    market: Market, tariff: Tariff, version: Version, start: datetime | None, end: datetime | None
) -> _Stretch | None:
    """The slots of a window to which a version applies, with what is believed of its markets; None where none are."""
    own = market.event_resolution
    inputs = {
        each.id: each for each in db.session.scalars(select(Market).where(Market.id.in_(version.markets)))
    }
    begins, ends = tariff.begins(version), tariff.ends(version)
    window = _window(inputs, begins, start, end)
    if window is None or len(inputs) < len(version.markets):
        return None
    low = ceil_time(max(begins, window[0]).astimezone(begins.tzinfo), own)
    high = window[1] if ends is None else min(ends, window[1])
    count = (high - low) // own
    if count <= 0:
        return None
    first = to_ms(low)
    starts = _grid(first, count, own)
    return _Stretch(
        version=version,
        first=from_ms(first),
        clock=Clock.of(starts, ZoneInfo(tariff.timezone)),
        resolution=own,
        changes=_changes(market, inputs, from_ms(first), count),
        fixed_since=to_ms(min(timing.server_now(), begins - LONG_BEFORE)),
    )


def _grid(first: int, count: int, own: timedelta) -> Integers:
    import numpy as np

    return first + duration_ms(own) * np.arange(count, dtype=np.int64)


def _window(
    inputs: Mapping[int, Market], begins: datetime, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime] | None:
    """What is asked for, within what is known of the inputs; of fixed prices up to AHEAD from now."""
    if inputs:
        extents = [extent for each in inputs.values() if (extent := beliefs.extent(each)) is not None]
        if len(extents) < len(inputs):
            return None
        low, high = max(each[0] for each in extents), min(each[1] for each in extents)
    else:
        low, high = begins, timing.server_now() + AHEAD
    low, high = max(low, start or low), min(high, end or high)
    return (low, high) if low < high else None


def _changes(
    market: Market, inputs: Mapping[int, Market], start: datetime, count: int
) -> list[tuple[int, int, Integers, Floats]]:
    """All beliefs about the inputs, by the moment at which they were recorded, on the slots of the tariff."""
    import numpy as np

    own = duration_ms(market.event_resolution)
    end = start + count * own * MILLISECOND
    found: list[tuple[int, int, Integers, Floats]] = []
    for each in inputs.values():
        known = beliefs.every_belief(each, start, end)
        repeats = duration_ms(each.event_resolution) // own
        slots = ((known.starts - to_ms(start)) // own)[:, None] + np.arange(repeats)
        prices = np.repeat(known.values * factor_between(market, each), repeats).reshape(slots.shape)
        edges = np.flatnonzero(np.diff(known.recorded)) + 1
        for low, high in zip([0, *edges], [*edges, len(known.recorded)], strict=True):
            if low == high:
                continue
            within = (slots[low:high] >= 0) & (slots[low:high] < count)
            index, last = slots[low:high][within], prices[low:high][within]
            found.append((int(known.recorded[low]), each.id, index, last))
    return sorted((change for change in found if len(change[2])), key=lambda change: change[0])
