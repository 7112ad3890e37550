"""Values of spans of any length and place, as means over the slots of a sensor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures import grid
from flexmeasures.errors import InputError
from flexmeasures.timing import duration_ms, from_ms, to_ms
from flexmeasures_ingestion.spans import MAX_SLOTS, Slots

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Integers

# A slot gets the mean of what is known of it, if that is so much of the slot.
LEAST_KNOWN = 0.5


def spread(slots: Slots, sensor: Sensor, *, alone: bool) -> Slots:
    """Slots of the sensor with the mean of the spans that touch them, weighted by time.

    slots: the spans, with power (or another rate) as values, NaN where unknown. alone: outside of the spans there is
    nothing (charging sessions): each slot that a span touches gets its energy. Else a slot of which less than half
    is known is left out.
    """
    import numpy as np

    values = slots.values
    known = ~np.isnan(values)
    if not known.any():
        raise InputError("Nothing is known for any time.", "FILE", "two rows with a value, or more")
    starts, ends, rates = slots.starts[known], slots.ends[known], values[known]
    bounds = _bounds(int(starts.min()), int(ends.max()), sensor)
    pieces = np.union1d(np.concatenate([starts, ends]), bounds)
    lengths = np.diff(pieces)
    summed, busy = np.zeros(len(pieces)), np.zeros(len(pieces), dtype=np.int64)
    first, last = np.searchsorted(pieces, starts), np.searchsorted(pieces, ends)
    np.add.at(busy, first, 1)
    np.add.at(busy, last, -1)
    covered = np.cumsum(busy)[:-1] > 0
    if (np.cumsum(busy) > 1).any():
        np.add.at(summed, first, rates)
        np.add.at(summed, last, -rates)
        rate = np.cumsum(summed)[:-1]
        slots.warnings.append("Some rows are about the same time; there their values were added.")
    else:  # without sums of differences, which round
        rate = np.where(covered, rates[np.searchsorted(starts, pieces[:-1], "right") - 1], 0.0)
    slot = np.searchsorted(bounds, pieces[:-1], "right") - 1
    whole = np.diff(bounds)
    within = np.bincount(slot, np.where(covered, lengths, 0), len(whole))
    amount = np.bincount(slot, np.where(covered, rate * lengths, 0), len(whole))
    enough = within > 0 if alone else within >= LEAST_KNOWN * whole
    partly = int(((within > 0) & ~enough).sum())
    if not enough.any():
        text = "No slot of the sensor is known for half of its length or more."
        raise InputError(text, "FILE", "values that hold for longer, or a sensor of shorter slots")
    slots.notes.append(
        f"{len(starts)} spans were spread evenly over the sensor's slots by time, as energies of their slots."
        if alone
        else f"{len(starts)} values that hold until the next were averaged over the sensor's slots by time."
    )
    if partly:
        slots.notes.append(f"{partly} slots, of which less than half is known, were left out.")
    lines = slots.lines[known][np.clip(np.searchsorted(starts, bounds[:-1], "right") - 1, 0, None)]
    return replace(
        slots,
        starts=bounds[:-1][enough],
        lengths=whole[enough],
        values=amount[enough] / (whole if alone else within)[enough],
        lines=lines[enough],
    )


def _bounds(first: int, last: int, sensor: Sensor) -> Integers:
    """The bounds of the sensor's slots that cover [first, last), in ms."""
    import numpy as np

    own = sensor.event_resolution
    if not grid.is_of_days(own):
        step = duration_ms(own)
        if (last - first) // step > MAX_SLOTS:
            text = f"The file makes more than {MAX_SLOTS} slots of the sensor."
            raise InputError(text, "FILE", "a shorter time; divide the file")
        return np.arange(first // step * step, last + step, step, dtype=np.int64)
    zone = ZoneInfo(sensor.timezone)
    day = from_ms(first).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    found = [to_ms(day)]
    while found[-1] < last:
        day += own  # wall clock time: the next local midnight
        found.append(to_ms(day))
    return np.array(found, dtype=np.int64)
