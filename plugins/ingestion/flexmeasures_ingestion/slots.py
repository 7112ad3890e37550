"""Makes slots of a file's rows: which hour, how long, on which slots of the sensor. What it decides is told.

Times are milliseconds since 1970, as arrays of shape (n,).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flexmeasures import grid
from flexmeasures.errors import InputError
from flexmeasures.grid import DAY
from flexmeasures.timing import MILLISECOND, duration_ms, from_ms, iso_duration, iso_time, to_ms
from flexmeasures_ingestion.counters import differences
from flexmeasures_ingestion.readers.base import REGISTER, STATES
from flexmeasures_ingestion.spans import Slots, all_of, most_common, runs_of

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Integers
    from flexmeasures_ingestion.readers.base import Rows


DAY_MS = duration_ms(DAY)
# Rows that are that far apart may be local days; the shortest has 23 hours.
SHORT_DAY_MS = duration_ms(timedelta(hours=23))
END_OF_TIME = datetime(2101, 1, 1, tzinfo=UTC)  # of the years that files may be about
# So many lines are named in a note.
NAMED = 8


def make_slots(rows: Rows, sensor: Sensor, given: timedelta | None) -> Slots:
    """The rows as slots of that sensor's grid; InputError names the line that does not fit.

    given: length of every row, None to take it from the times. Of a register, values are readings at the starts.
    Rows that tell their ends, states and readings may lie off the grid; they are to be spread.
    """
    slots = _in_order(rows)
    slots.notes += rows.notes
    if rows.kind == STATES:
        _hold(slots)
    elif rows.kind == REGISTER:
        if not _is_off_grid(slots.starts, sensor):
            _to_grid(slots, sensor, sensor.event_resolution)
        differences(slots)
        slots.off_grid = _is_off_grid(slots.starts, sensor)
    elif rows.ends:
        slots.off_grid = not _fill_evenly(slots, sensor) and (
            _is_off_grid(slots.starts, sensor) or _is_off_grid(slots.ends, sensor)
        )
        if not slots.off_grid:
            _refuse_twice(slots)
    else:
        _to_grid(slots, sensor, _finer_step(slots, sensor.event_resolution, given) or sensor.event_resolution)
        dates = rows.dates == len(rows.starts)
        _give_lengths(slots, sensor, rows.zone, given, dates=dates, labels_end=rows.labels == "end")
    _refuse_far_ends(slots)
    if not slots.off_grid:
        _say_lengths(slots)
    return slots


def _is_off_grid(times: Integers, sensor: Sensor) -> bool:
    """Whether times lie further from the sensor's slots than clocks that differ explain."""
    import numpy as np

    own = sensor.event_resolution
    off = np.abs(_nearest(times, own, sensor.timezone) - times)
    return bool((off > duration_ms(grid.tolerance(own))).any())


def _fill_evenly(slots: Slots, sensor: Sensor) -> bool:
    """Whether rows of one length, a part of the sensor's slots, lie on a grid of their own within these."""
    own, length = sensor.event_resolution, int(slots.lengths[0])
    if grid.is_of_days(own) or duration_ms(own) % length:
        return False
    return bool((slots.lengths == length).all() and (slots.starts % length == 0).all())


def _hold(slots: Slots) -> None:
    """States hold until the next one; of the last it is not known how long."""
    import numpy as np

    if len(slots.starts) < 2:
        raise InputError("States need two rows at least.", "FILE", "a file with more rows")
    slots.starts, slots.lengths = slots.starts[:-1], np.diff(slots.starts)
    slots.values, slots.lines = slots.values[:-1], slots.lines[:-1]
    slots.off_grid = True


def _refuse_far_ends(slots: Slots) -> None:
    if not len(slots.starts):
        return
    ends = slots.ends
    last = int(ends.argmax())
    end = from_ms(int(ends[last]))
    if end > END_OF_TIME:
        text = f"line {slots.lines[last]}: the row ends at {iso_time(end)} (see --resolution)."
        raise InputError(text, "--resolution", f"rows that end by {iso_time(END_OF_TIME)}")


# -- which hour ---------------------------------------------------------------------------------------


def _in_order(rows: Rows) -> Slots:
    import numpy as np

    warnings: list[str] = []
    _choose_hours(rows, warnings)
    starts = np.frombuffer(rows.starts, dtype=np.int64)
    lengths = np.frombuffer(rows.ends, dtype=np.int64) - starts if rows.ends else all_of(0, len(starts))
    values, lines = np.frombuffer(rows.values), np.frombuffer(rows.lines, dtype=np.uint32)
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, lengths, values, lines = starts[order], lengths[order], values[order], lines[order]
    slots = Slots(starts, lengths, values, lines, [], warnings)
    if rows.kind != STATES and not rows.ends:
        _refuse_twice(slots)
    return slots


def _choose_hours(rows: Rows, warnings: list[str]) -> None:
    """Of local times that clocks show twice, take the earlier or the later, whatever the order of rows."""
    import numpy as np

    if not rows.later:
        return
    sure = np.array([start for k, start in enumerate(rows.starts) if k not in rows.later], dtype=np.int64)
    newest_first = int(np.sign(np.diff(sure)).sum()) < 0
    if len(sure) < 2:
        newest_first = rows.starts[0] > rows.starts[-1]
    nights: dict[int, list[int]] = {}
    for k in rows.later:
        nights.setdefault(rows.starts[k] // DAY_MS, []).append(k)
    for night in nights.values():
        _choose_hours_of(night[::-1] if newest_first else night, rows, warnings)


def _choose_hours_of(night: list[int], rows: Rows, warnings: list[str]) -> None:
    """night: indices of the rows about one change of clocks, oldest first if the file is in order of time."""
    shown = [rows.starts[k] for k in night]
    back = [j for j in range(1, len(shown)) if shown[j] <= shown[j - 1]]
    lines = ", ".join(str(rows.lines[k]) for k in sorted(night)[:NAMED])
    who = f"{len(night)} rows (lines {lines}{', ...' if len(night) > NAMED else ''})"
    if not back:
        warnings.append(
            f"{who} could be either hour, as clocks show it twice and the file once; the first was taken."
        )
    elif len(back) > 1:
        warnings.append(
            f"{who} could be either hour, as clocks show it twice and the rows are not in order of time; of"
            " two rows of the same time, their order in the file was taken."
        )
    seen: Counter[int] = Counter()
    for j, k in enumerate(night):
        again = j >= back[0] if len(back) == 1 else seen[shown[j]] > 0
        seen[shown[j]] += 1
        if again:
            rows.starts[k] = rows.later[k]
            if k in rows.later_ends:
                rows.ends[k] = rows.later_ends[k]


def _refuse_twice(slots: Slots) -> None:
    import numpy as np

    twice = np.flatnonzero(slots.starts[1:] == slots.starts[:-1])
    if len(twice):
        first, second = sorted(slots.lines[twice[0] : twice[0] + 2])
        moment = iso_time(from_ms(int(slots.starts[twice[0]])))
        text = f"Lines {first} and {second} are both about {moment}."
        raise InputError(text, "datecol", "each time once in a file")


# -- on the sensor's grid -----------------------------------------------------------------------------


def _finer_step(slots: Slots, own: timedelta, given: timedelta | None) -> timedelta | None:
    """The distance of rows that are finer than the sensor's slots and fill them evenly; None where they are not."""
    import numpy as np

    if given is None and len(slots.starts) > 2:
        usual, count, _ = most_common(np.diff(slots.starts))
        given = usual * MILLISECOND if 2 * count > len(slots.starts) - 1 else None
    if given is None or grid.is_of_days(own) or given >= own or own % given:
        return None
    return given


def _to_grid(slots: Slots, sensor: Sensor, own: timedelta) -> None:
    """Move starts to slots of that resolution: the sensor's, or a finer one that fills them."""
    import numpy as np

    nearest = _nearest(slots.starts, own, sensor.timezone)
    if np.array_equal(nearest, slots.starts):
        return  # the starts that are there need no second array of their size
    off = nearest - slots.starts
    np.abs(off, out=off)
    far = off > duration_ms(grid.tolerance(own))
    if far.any():
        _refuse_other_steps(slots, own)
        k = int(far.argmax())
        moment = from_ms(int(slots.starts[k]))
        raise grid.off_grid(moment, own, sensor.timezone, "datecol", f"line {slots.lines[k]}: ")
    moved = int((off > 0).sum())
    if moved:
        most = iso_duration(int(off.max()) * MILLISECOND)
        slots.notes.append(f"Moved {moved} starts to the nearest slot of the sensor, by {most} at most.")
    slots.starts = nearest
    _refuse_twice(slots)


def _nearest(starts: Integers, own: timedelta, timezone: str) -> Integers:
    """The start of a slot that is nearest to each start."""
    import numpy as np

    if not grid.is_of_days(own):
        step = duration_ms(own)
        found = starts + step // 2
        found //= step
        found *= step
        return found
    pairs = [[to_ms(each) for each in grid.around(from_ms(int(s)), own, timezone)] for s in starts]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return np.where(starts - both[:, 0] <= both[:, 1] - starts, both[:, 0], both[:, 1])


def _refuse_other_steps(slots: Slots, own: timedelta) -> None:
    """The true cause of times off the grid, where it lies in the file as a whole."""
    import numpy as np

    if len(slots.starts) < 3:
        return
    step, count, kinds = most_common(np.diff(slots.starts))
    usual = step * MILLISECOND
    if 2 * count < len(slots.starts) - 1 and kinds > 2:
        raise InputError(
            "The times of the file are irregular: no distance between rows is the usual one.",
            "datecol",
            "regular times, or --states for states that hold until the next",
        )
    if usual < own:
        needed = iso_duration(own)
        text = f"The rows of {iso_duration(usual)} are finer than the sensor's slots of {needed}."
        raise InputError(text, "datecol", f"rows of {needed} or a whole multiple of it")


# -- how long -----------------------------------------------------------------------------------------


def _give_lengths(
    slots: Slots,
    sensor: Sensor,
    zone: ZoneInfo | None,
    given: timedelta | None,
    *,
    dates: bool,
    labels_end: bool,
) -> None:
    """Give each row its end (of times that are ends, its start): by the length given, or the distance between rows."""
    import numpy as np

    from flexmeasures.timing import timezone

    own = sensor.event_resolution
    if given is None and len(slots.starts) == 1:
        given = max(own, DAY) if dates else own
    local = timezone(sensor.timezone) if zone is None else zone
    sign = -1 if labels_end else 1
    # Where times are ends, rows are looked at from the last to the first, so that "the next" is the one before.
    seen = replace(slots, starts=slots.starts[::sign], lines=slots.lines[::sign])
    if not _are_days(slots.starts, local, given, stated=zone is not None):
        slots.lengths = _lengths(seen.starts if sign > 0 else -seen.starts, seen, given)[::sign]
    else:
        walls = [from_ms(int(start)).astimezone(local).replace(tzinfo=UTC) for start in seen.starts]
        firsts = all(wall.day == 1 and wall.hour == wall.minute == 0 for wall in walls)
        if firsts and given is None and len(walls) > 1:
            others = [(wall + sign * (31 if sign > 0 else 1) * DAY).replace(day=1) for wall in walls]
            what = "months"
        else:
            times = sign * np.array([to_ms(wall) for wall in walls], dtype=np.int64)
            lengths = _lengths(times, seen, given)
            others = [
                wall + sign * int(length) * MILLISECOND for wall, length in zip(walls, lengths, strict=True)
            ]
            what = "days"
        bounds = np.array([to_ms(each.replace(tzinfo=local)) for each in others], dtype=np.int64)[::sign]
        slots.lengths = sign * (bounds - slots.starts)
        slots.notes.append(f"Rows are local calendar {what} of {local.key}, each with its real length.")
    if labels_end:
        slots.starts = slots.starts - slots.lengths
        slots.notes.append("Times were taken as the ends of their slots.")


def _are_days(starts: Integers, zone: ZoneInfo, given: timedelta | None, *, stated: bool) -> bool:
    """Whether rows are local days: all a day or longer, at midnight (or one time of day, in a stated zone)."""
    import numpy as np

    if given is not None and given % DAY:
        return False
    if given is None and int(np.diff(starts).min()) < SHORT_DAY_MS:
        return False
    times = {from_ms(int(start)).astimezone(zone).time() for start in starts}
    midnight = datetime.min.time()
    return times == {midnight} or (stated and len(times) == 1)


def _lengths(starts: Integers, slots: Slots, given: timedelta | None) -> Integers:

    if given is None:
        return _lengths_by_neighbours(starts, slots)
    step = duration_ms(given)
    wrong = (starts - starts[0]) % step != 0
    if wrong.any():
        k = int(wrong.argmax())
        raise InputError(
            f"line {slots.lines[k]}: {iso_time(from_ms(int(slots.starts[k])))} is no whole number of"
            f" {iso_duration(given)} after the first time.",
            "datecol",
            "regular times; --resolution states their distance",
        )
    return all_of(step, len(starts))


def _lengths_by_neighbours(starts: Integers, slots: Slots) -> Integers:
    """Each row's own length: its distance to the next row, where neighbours agree; a longer one is a gap."""
    import numpy as np

    diffs = np.diff(starts)
    lows, counts = runs_of(diffs)
    steps = diffs[lows]
    at_edge = (lows == 0) | (lows + counts == len(diffs))
    del diffs
    before, after = np.append(0, steps[:-1]), np.append(steps[1:], 0)
    # Two long distances amid shorter ones are more likely two gaps.
    firm = (counts >= 3) | ((counts == 2) & (at_edge | ((steps < before) & (steps < after))))
    found = steps.copy()
    left, right = _nearest_firm(steps, firm)
    for k in np.flatnonzero(~firm):
        found[k] = _step_amid(int(steps[k]), int(left[k]), int(right[k]))
        if found[k] == 0:
            _refuse_out_of_step(slots, int(lows[k]) + 1, int(steps[k]), int(left[k] or right[k]))
    gaps = np.flatnonzero(np.repeat(found < steps, counts))
    if len(gaps):
        named = ", ".join(map(str, slots.lines[gaps[:NAMED]]))
        slots.warnings.append(
            f"{len(gaps)} gaps follow the rows of lines {named}{', ...' if len(gaps) > NAMED else ''}; those"
            " rows were taken to be as long as their neighbours."
        )
    if (found == found[0]).all():
        return all_of(found[0], len(starts))
    counts[-1] += 1  # the last row is as long as the one before
    return np.repeat(found, counts)


def _nearest_firm(steps: Integers, firm: Integers) -> tuple[Integers, Integers]:
    """For each run of equal distances, the nearest step before and after it that neighbours confirm."""
    import numpy as np

    if not firm.any():
        least = np.full(len(steps), steps.min())
        return least, least
    left, right = np.where(firm, steps, 0), np.where(firm, steps, 0)
    for k in range(1, len(steps)):
        left[k] = left[k] or left[k - 1]
        right[-1 - k] = right[-1 - k] or right[-k]
    return np.where(left == 0, right, left), np.where(right == 0, left, right)


def _step_amid(distance: int, left: int, right: int) -> int:
    """The length of a row with an odd distance to the next one; 0 where it fits neither neighbour."""
    if left <= distance and distance % min(left, right) == 0:
        return left
    return right if right <= distance and distance % right == 0 else 0


def _refuse_out_of_step(slots: Slots, k: int, distance: int, usual: int) -> None:
    raise InputError(
        f"line {slots.lines[k]}: {iso_time(from_ms(int(slots.starts[k])))} is out of step: it comes"
        f" {iso_duration(distance * MILLISECOND)} after the row before it, among rows of"
        f" {iso_duration(usual * MILLISECOND)}.",
        "datecol",
        "times whose distance is regular, or changes for at least two rows",
    )


def _say_lengths(slots: Slots) -> None:

    lengths = slots.lengths
    changes = runs_of(lengths)[0][1:]
    if len(changes) and not any("calendar" in note for note in slots.notes):
        parts = [
            f"{iso_duration(int(lengths[k]) * MILLISECOND)} from line {slots.lines[k]} on"
            for k in [0, *changes[: NAMED - 1]]
        ]
        more = ", ..." if len(changes) >= NAMED else ""
        slots.notes.append(f"The length of rows changes: {', '.join(parts)}{more} (in order of time).")
