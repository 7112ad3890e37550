"""Readings of counters as what was counted between them."""

from __future__ import annotations

from flexmeasures.errors import InputError
from flexmeasures_ingestion.spans import MAX_GAP, Slots


def differences(slots: Slots) -> None:
    """Readings become what was counted from each to the next; where a counter was set back, told."""
    import numpy as np

    known = ~np.isnan(slots.values)
    starts, values, lines = slots.starts[known], slots.values[known], slots.lines[known]
    if len(values) < 2:
        raise InputError("--register needs two readings at least.", "--register", "a file with more readings")
    counted = np.diff(values)
    for k in np.flatnonzero(counted < 0):
        before, now = float(values[k]), float(values[k + 1])
        size = 10.0 ** len(str(int(abs(before))))
        if before > 0.9 * size and 0 <= now < 0.1 * size:
            counted[k] = now + size - before
            what = f"it was taken to have begun anew after {size:g}"
        else:
            counted[k] = np.nan
            what = "what it counted until then is unknown, and was left out"
        slots.warnings.append(f"line {lines[k + 1]}: the counter fell from {before:g} to {now:g}; {what}.")
    lengths = np.diff(starts)
    usual = int(np.median(lengths))
    far = lengths > MAX_GAP * usual
    if far.any():
        counted[far] = np.nan
        slots.warnings.append(f"{int(far.sum())} gaps between readings are too long to spread; left out.")
    longer = int((lengths > usual).sum())
    if longer:
        slots.notes.append(f"{longer} differences are about longer times than usual; spread evenly.")
    slots.starts, slots.lengths, slots.values, slots.lines = starts[:-1], lengths, counted, lines[:-1]
    slots.notes.append(f"Took {len(counted)} differences between {len(values)} readings of a counter.")
