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
    import numpy as np
    from numpy.typing import NDArray

    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Floats, Integers, TimeSeries
from flexmeasures_ingestion.spans import MAX_GAP, MAX_SLOTS, Slots, runs_of
from flexmeasures_ingestion.spread import spread

# A series has about so many values at most, as storing copies each series several times.
AT_ONCE = 100_000
# So many rows are worked on at a time.
ROWS_AT_ONCE = 200_000


def series_of(slots: Slots, sensor: Sensor, *, alone: bool = False) -> Iterator[TimeSeries]:
    """The values as regular series in the sensor's own resolution: each repeated over the slots of its row.

    slots: rows with values in the sensor's unit. Rows off the grid are spread over it; alone: outside of them there
    is nothing. InputError where a row on the grid is no whole number of slots.
    """
    own = sensor.event_resolution
    if slots.off_grid:
        slots = spread(slots, sensor, alone=alone)
    if grid.is_of_days(own):
        yield from _regular(*_local_days(slots, sensor), own)
        return
    step = duration_ms(own)
    made = left_out = 0
    averaged = False
    for part in _parts(slots, step):
        fine = part.lengths < step
        if fine.any():
            part, partial = _averaged(part, fine, own)
            averaged, left_out = True, left_out + partial
        starts, values = _repeated(part, own, made)
        made += len(starts)
        if len(starts):
            yield from _regular(starts, values, own)
    if averaged:
        _refuse_none_whole(slots, made, own)
        slots.notes.append(f"Rows finer than the sensor's slots were averaged over {iso_duration(own)}.")
    if left_out:
        slots.warnings.append(f"{left_out} slots are not covered by rows as a whole; left out.")


def _parts(slots: Slots, step: int) -> Iterator[Slots]:
    """The rows in parts, so that none of the arrays that work needs is long; each begins with a slot of the sensor."""
    import numpy as np

    low, count = 0, len(slots.starts)
    while low < count:
        high = min(low + ROWS_AT_ONCE, count)
        if high < count:
            last = slots.starts[high - 1]
            high = int(np.searchsorted(slots.starts, last - last % step + step))
        each = slice(low, high)
        yield replace(
            slots,
            starts=slots.starts[each],
            lengths=slots.lengths[each],
            values=slots.values[each],
            lines=slots.lines[each],
        )
        low = high


def _repeated(rows: Slots, own: timedelta, made: int) -> tuple[Integers, Floats]:
    """Starts of slots and their values, each row's over all of its slots; made: so many slots were made before."""
    import numpy as np

    step = duration_ms(own)
    wrong = (rows.starts % step != 0) | (rows.lengths % step != 0) | (rows.lengths < step)
    if wrong.any():
        _refuse_length(rows, int(wrong.argmax()), own)
    counts = rows.lengths // step
    total = int(counts.sum())
    _refuse_too_many(made + total)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(rows.starts, counts) + step * within, np.repeat(rows.values, counts)


def _averaged(slots: Slots, fine: NDArray[np.bool_], own: timedelta) -> tuple[Slots, int]:
    """The rows, those that are finer than the sensor's slots as means over these; how many slots were left out.

    A slot of which a part is missing or unknown is left out.
    """
    import numpy as np

    step = duration_ms(own)
    begins, values, lengths = slots.starts[fine], slots.values[fine], slots.lengths[fine]
    within = begins % step
    across = within + lengths > step
    if across.any():
        _refuse_length(slots, int(np.flatnonzero(fine)[across.argmax()]), own)
    firsts, _ = runs_of(begins - within)  # rows are in order of time
    unknown = np.isnan(values)
    covered = np.add.reduceat(np.where(unknown, 0, lengths), firsts)
    means = np.add.reduceat(np.where(unknown, 0.0, values * lengths), firsts) / step
    whole = covered == step
    starts = (begins - within)[firsts][whole]
    order = np.argsort(np.concatenate([starts, slots.starts[~fine]]), kind="stable")

    def joined(averaged: Any, others: Any) -> Any:
        return np.concatenate([averaged, others[~fine]])[order]

    rows = replace(
        slots,
        starts=joined(starts, slots.starts),
        lengths=joined(np.full(len(starts), step), slots.lengths),
        values=joined(means[whole], slots.values),
        lines=joined(slots.lines[fine][firsts][whole], slots.lines),
    )
    return rows, int((~whole).sum())


def _refuse_none_whole(slots: Slots, made: int, own: timedelta) -> None:
    if made == 0:
        length, needed = iso_duration(int(slots.lengths[0]) * MILLISECOND), iso_duration(own)
        text = (
            f"The rows of {length} are finer than the sensor's slots of {needed}, and cover none as a whole."
        )
        raise InputError(
            text, "datecol", f"rows of {needed}, of a whole multiple of it, or finer ones that fill it"
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
