"""Slots of a file as series on the grid of a sensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flexmeasures import grid
from flexmeasures.errors import InputError
from flexmeasures.timing import MILLISECOND, duration_ms, from_ms, iso_duration, to_ms

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Floats, Integers, TimeSeries
from flexmeasures_ingestion.spans import MAX_GAP, MAX_SLOTS, Slots, runs_of
from flexmeasures_ingestion.spread import spread

# A series has about so many values at most, as storing copies each series several times.
AT_ONCE = 100_000


def series_of(slots: Slots, sensor: Sensor, *, alone: bool = False) -> Iterator[TimeSeries]:
    """The values as regular series in the sensor's own resolution: each repeated over the slots of its row.

    slots: rows with values in the sensor's unit. Rows off the grid are spread over it; alone: outside of them there
    is nothing. InputError where a row on the grid is no whole number of slots.
    """
    own = sensor.event_resolution
    if slots.off_grid:
        slots = spread(slots, sensor, alone=alone)
    if grid.is_of_days(own):
        starts, values = _local_days(slots, sensor)
    else:
        starts, values = _repeated(_averaged(slots, own), own)
    return _regular(starts, values, own)


def _repeated(rows: Slots, own: timedelta) -> tuple[Integers, Floats]:
    """Starts of slots and their values, each row's over all of its slots."""
    import numpy as np

    step = duration_ms(own)
    wrong = rows.starts % step != 0
    wrong |= rows.lengths % step != 0
    wrong |= rows.lengths < step
    if wrong.any():
        _refuse_length(rows, int(wrong.argmax()), own)
    if (rows.lengths == step).all():
        return rows.starts, rows.values
    counts = rows.lengths // step
    total = int(counts.sum())
    _refuse_too_many(total)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(rows.starts, counts) + step * within, np.repeat(rows.values, counts)


def _averaged(slots: Slots, own: timedelta) -> Slots:
    """The rows, those that are finer than the sensor's slots as means over these.

    A slot of which a part is missing or unknown is left out, and told.
    """
    import numpy as np

    step = duration_ms(own)
    fine = slots.lengths < step
    if not fine.any():
        return slots
    each = slice(None) if fine.all() else fine  # without copies where all rows are fine, as they mostly are
    begins, values, lengths = slots.starts[each], slots.values[each], slots.lengths[each]
    unknown = np.isnan(values)
    within = begins % step
    within += lengths
    across = within > step
    within -= lengths
    if across.any():
        _refuse_length(slots, int(np.flatnonzero(fine)[across.argmax()]), own)
    np.subtract(begins, within, out=within)
    firsts, _ = runs_of(within)  # rows are in order of time
    starts = within[firsts]
    del within
    weights = lengths.astype(float)
    weights[unknown] = 0.0
    covered = np.add.reduceat(weights, firsts)
    weights *= values
    weights[unknown] = 0.0
    means = np.add.reduceat(weights, firsts) / step
    whole = covered == step
    needed = iso_duration(own)
    if fine.all() and not whole.any():
        length = iso_duration(int(slots.lengths[0]) * MILLISECOND)
        text = (
            f"The rows of {length} are finer than the sensor's slots of {needed}, and cover none as a whole."
        )
        raise InputError(
            text, "datecol", f"rows of {needed}, of a whole multiple of it, or finer ones that fill it"
        )
    slots.notes.append(f"Rows finer than the sensor's slots were averaged over {needed}.")
    if not whole.all():
        slots.warnings.append(f"{int((~whole).sum())} slots are not covered by rows as a whole; left out.")
    lines = slots.lines[each][firsts]
    starts, means, lines = starts[whole], means[whole], lines[whole]
    order = np.argsort(np.concatenate([starts, slots.starts[~fine]]), kind="stable")

    def joined(averaged: Any, others: Any) -> Any:
        return np.concatenate([averaged, others[~fine]])[order]

    return replace(
        slots,
        starts=joined(starts, slots.starts),
        lengths=joined(np.full(len(starts), step), slots.lengths),
        values=joined(means, slots.values),
        lines=joined(lines, slots.lines),
    )


def _local_days(slots: Slots, sensor: Sensor) -> tuple[Integers, Floats]:
    import numpy as np

    own, zone = sensor.event_resolution, ZoneInfo(sensor.timezone)
    starts, rows = list[int](), list[int]()
    for k, (low, high) in enumerate(zip(slots.starts, slots.ends, strict=True)):
        end, day = int(high), from_ms(int(low)).astimezone(zone)
        while to_ms(day) < end:
            starts.append(to_ms(day))
            rows.append(k)
            _refuse_too_many(len(starts))
            day += own  # wall clock time: the next local midnight
        if to_ms(day) != end:
            _refuse_length(slots, k, own)
    return np.array(starts, dtype=np.int64), slots.values[rows]


def _refuse_too_many(count: int) -> None:
    if count > MAX_SLOTS:
        text = f"The file makes {count} slots of the sensor."
        raise InputError(text, "FILE", f"{MAX_SLOTS} at most; divide the file")


def _refuse_length(slots: Slots, k: int, own: timedelta) -> None:
    length, needed = iso_duration(int(slots.lengths[k]) * MILLISECOND), iso_duration(own)
    raise InputError(
        f"line {slots.lines[k]}: a row of {length} does not fit the sensor's slots of {needed}.",
        "datecol",
        f"rows of {needed} or a whole multiple of it",
    )


def _regular(starts: Integers, values: Floats, step: timedelta) -> Iterator[TimeSeries]:
    """Regular series (NaN in gaps) of bounded length; a long gap or a change of clocks between days starts the next."""
    import numpy as np

    from flexmeasures.timeseries import TimeSeries

    step_ms = duration_ms(step)
    apart = np.diff(starts)
    breaks = apart > MAX_GAP * step_ms
    apart %= step_ms
    breaks |= apart != 0
    del apart
    edges = np.union1d(np.flatnonzero(breaks) + 1, np.arange(0, len(starts), AT_ONCE))
    for low, high in zip(edges, [*edges[1:], len(starts)], strict=True):
        slots = (starts[low:high] - starts[low]) // step_ms
        filled = np.full(slots[-1] + 1, np.nan)
        filled[slots] = values[low:high]
        yield TimeSeries(from_ms(int(starts[low])), step, filled)
