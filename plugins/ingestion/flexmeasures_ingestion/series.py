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
from flexmeasures_ingestion.spans import MAX_GAP, MAX_SLOTS, Slots
from flexmeasures_ingestion.spread import spread


def series_of(slots: Slots, values: Floats, sensor: Sensor, *, alone: bool = False) -> list[TimeSeries]:
    """The values as regular series in the sensor's own resolution: each repeated over the slots of its row.

    values: shape (n,), one a row, in the sensor's unit. Rows off the grid are spread over it; alone: outside of them
    there is nothing. InputError where a row on the grid is no whole number of slots.
    """
    import numpy as np

    own = sensor.event_resolution
    if slots.off_grid:
        slots = spread(slots, values, sensor, alone=alone)
        values = slots.values
    if grid.is_of_days(own):
        starts, repeated = _local_days(slots, values, sensor)
    else:
        rows = _averaged(slots, values, own)
        step = duration_ms(own)
        counts = rows.lengths // step
        wrong = (rows.lengths % step != 0) | (counts < 1) | (rows.starts % step != 0)
        if wrong.any():
            _refuse_length(rows, int(wrong.argmax()), own)
        _refuse_too_many(int(counts.sum()))
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        starts, repeated = np.repeat(rows.starts, counts) + step * within, np.repeat(rows.values, counts)
    return list(_regular(starts, repeated, own))


def _averaged(slots: Slots, values: Floats, own: timedelta) -> Slots:
    """The rows with their values, those that are finer than the sensor's slots as means over these.

    A slot of which a part is missing or unknown is left out, and told.
    """
    import numpy as np

    step = duration_ms(own)
    fine = slots.lengths < step
    rows = replace(slots, values=values)
    if not fine.any():
        return rows
    of_slot = slots.starts[fine] // step * step
    across = slots.ends[fine] > of_slot + step
    if across.any():
        _refuse_length(slots, int(np.flatnonzero(fine)[across.argmax()]), own)
    firsts = np.append(0, np.flatnonzero(np.diff(of_slot)) + 1)  # rows are in order of time
    starts = of_slot[firsts]
    of_row = values[fine]
    known = np.where(np.isnan(of_row), 0, slots.lengths[fine])
    covered = np.add.reduceat(known, firsts)
    means = np.add.reduceat(known * np.nan_to_num(of_row), firsts) / step
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
    lines = slots.lines[fine][firsts]
    starts, means, lines = starts[whole], means[whole], lines[whole]
    order = np.argsort(np.concatenate([starts, rows.starts[~fine]]), kind="stable")

    def joined(averaged: Any, others: Any) -> Any:
        return np.concatenate([averaged, others[~fine]])[order]

    return replace(
        rows,
        starts=joined(starts, rows.starts),
        ends=joined(starts + step, rows.ends),
        values=joined(means, values),
        lines=joined(lines, rows.lines),
    )


def _local_days(slots: Slots, values: Floats, sensor: Sensor) -> tuple[Integers, Floats]:
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
    return np.array(starts, dtype=np.int64), values[rows]


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
    """Regular series (NaN in gaps); a long gap or a change of clocks between days starts the next one."""
    import numpy as np

    from flexmeasures.timeseries import TimeSeries

    step_ms = duration_ms(step)
    apart = np.diff(starts)
    edges = np.flatnonzero((apart > MAX_GAP * step_ms) | (apart % step_ms != 0)) + 1
    for low, high in zip([0, *edges], [*edges, len(starts)], strict=True):
        slots = (starts[low:high] - starts[low]) // step_ms
        filled = np.full(slots[-1] + 1, np.nan)
        filled[slots] = values[low:high]
        yield TimeSeries(from_ms(int(starts[low])), step, filled)
