"""Values at regular times, as the API takes and gives them, and their way from and to pandas."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

NOTHING = timedelta(0)
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


@dataclass(frozen=True)
class Series:
    """One value a slot of `resolution`, the first slot from `start` on; None where nothing is known.

    start has a UTC offset. unit is that of the values; power is in MW, consumption positive.
    """

    start: datetime
    resolution: timedelta
    values: list[float | None]
    unit: str = ""

    @property
    def end(self) -> datetime:
        """Where the last slot ends."""
        return self.start + self.duration

    @property
    def duration(self) -> timedelta:
        """From the beginning of the first slot to the end of the last."""
        return len(self.values) * self.resolution

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[tuple[datetime, float | None]]:
        """Pairs of the beginning of a slot and its value."""
        return ((self.start + k * self.resolution, value) for k, value in enumerate(self.values))

    def to_pandas(self) -> pd.Series[float]:
        """A pandas Series with a regular index in the offset of `start`; NaN where nothing is known."""
        import pandas as pd

        index = pd.date_range(self.start, periods=len(self.values), freq=pd.Timedelta(self.resolution))
        return pd.Series(self.values, index=index, dtype="float64", name=self.unit or None)


def as_series(values: object, start: datetime | None, resolution: timedelta | None) -> Series:
    """The values to post: a Series or a pandas Series, or numbers with `start` and `resolution`.

    ValueError for what the API would not take: nothing, gaps, an irregular index, a time without UTC offset.
    """
    if isinstance(values, Series):
        found = values
    elif hasattr(values, "index") and hasattr(values, "to_list"):
        found = _from_pandas(values, resolution)
    else:
        if start is None or resolution is None:
            raise ValueError("start and resolution are needed with plain values.")
        numbers: Iterable[Any] = values if isinstance(values, Iterable) else [values]
        found = Series(start, resolution, [None if value is None else float(value) for value in numbers])
    _check(found)
    return found


def _from_pandas(series: Any, resolution: timedelta | None) -> Series:
    moments = [moment.to_pydatetime() for moment in series.index]
    if not moments:
        raise ValueError("The pandas Series is empty.")
    # Differences of datetimes of one zone ignore its changes of clock, so they are taken between UTC offsets.
    steps = {later.timestamp() - earlier.timestamp() for earlier, later in pairwise(moments)}
    if len(steps) > 1 or min(steps, default=1) <= 0:
        raise ValueError(
            "The index of the pandas Series is not regular, so its values have no one resolution."
        )
    step = timedelta(seconds=steps.pop()) if steps else resolution
    if step is None:
        raise ValueError("resolution is needed with a pandas Series of one value.")
    if resolution not in (None, step):
        raise ValueError(f"resolution is {resolution}, but the values of the pandas Series are {step} apart.")
    return Series(moments[0], step, [float(value) for value in series.to_list()])


def _check(series: Series) -> None:
    if not series.values:
        raise ValueError("values are empty.")
    if series.resolution <= NOTHING:
        raise ValueError(f"resolution is {series.resolution}. Accepted: a positive one.")
    iso_time(series.start, "start")
    for k, value in enumerate(series.values):
        if value is None or not math.isfinite(value):
            raise ValueError(f"values[{k}] is {value}. Accepted: finite numbers; post what is known only.")


def iso_time(moment: datetime, name: str) -> str:
    """ISO 8601 with the UTC offset; ValueError naming the argument when the time has none."""
    if moment.utcoffset() is None:
        raise ValueError(f"{name} {moment.isoformat()} has no UTC offset, so it is not one moment.")
    return moment.isoformat()


def iso_duration(duration: timedelta) -> str:
    """ISO 8601, such as PT900S or -PT300S: the server reads seconds as well as anything."""
    seconds = duration / timedelta(seconds=1)
    return f"{'-' if seconds < 0 else ''}PT{abs(seconds):.6f}".rstrip("0").rstrip(".") + "S"


def parse_duration(text: str) -> timedelta:
    """A duration as the server writes it (days and smaller); ValueError for others."""
    found = _DURATION.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        raise ValueError(f"{text!r} is no duration that this library reads.")
    return timedelta(**{unit: float(count) for unit, count in found.groupdict(default="0").items()})
