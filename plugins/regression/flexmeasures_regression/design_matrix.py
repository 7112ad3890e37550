"""Which columns describe the events of one sensor and horizon, and the table of several horizons together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from flexmeasures_regression import features
from flexmeasures_regression.calendars import Calendar, seasonality
from flexmeasures_regression.estimators import Part, Table
from flexmeasures_regression.event_data import EventData, Events
from flexmeasures_regression.feature_blocks import (
    LEVEL,
    PLAIN,
    POSITIVE,
    Before,
    Block,
    Hours,
    Mean,
    Sky,
    Sunlight,
    WeatherMeans,
    Year,
    Yield,
)
from flexmeasures_regression.feature_blocks import Weather as Curve
from flexmeasures_regression.features import DAY, DAY_MS, HOUR, HOUR_MS, WEEK, Floats, Ints
from flexmeasures_regression.ols import Bools
from flexmeasures_regression.value_bounds import NIGHT_TYPES, place_of

YEAR = 365 * DAY  # of history, below which seasons are not told from what else has changed
TO_BE_LEARNT = 0.0
SCALES = {PLAIN: np.nan, LEVEL: 1.0, POSITIVE: TO_BE_LEARNT}
# Blocks that a short history can feed, besides lags.
FOR_FEW = (Curve, WeatherMeans, Sunlight, Yield)
IS_OF: dict[Part, Callable[[Block], bool]] = {
    "all": lambda block: True,
    "few": lambda block: isinstance(block, FOR_FEW),
    "no season": lambda block: not isinstance(block, Year),
}


@dataclass(frozen=True, eq=False)
class Design:
    """The columns of the models of one horizon: values some slots before the event, and blocks of others.

    weather: types that are used.
    """

    lags: tuple[int, ...]
    blocks: tuple[Block, ...]
    weather: tuple[str, ...]

    @classmethod
    def of(cls, events: Events, targets: Ints, end: int) -> Design:
        """The columns that a history up to slot `end` can feed whose values known are `targets`."""
        sensor, past, lead = events.scene.sensor, events.past, events.lead
        seasons, resolution = seasonality(sensor), past.resolution
        longest = (end - int(targets[0])) // 2
        lags = features.lags(events.horizon + events.late * resolution, resolution, seasons, longest)
        spans = [length // resolution for length in (DAY, WEEK) if resolution * 2 <= length]
        blocks: list[Block] = [Mean(lead, span) for span in spans]
        if resolution < DAY and "daily" in seasons:
            blocks.append(Hours(Calendar.of(sensor)))
        if "yearly" in seasons and (end - int(targets[0])) * resolution >= YEAR:
            blocks.append(Year())
        enough = tuple(
            kind for kind in events.weather if 2 * events.knows(kind, targets).sum() > len(targets)
        )
        sunny = (
            sensor.type in NIGHT_TYPES
            and place_of(sensor) is not None
            and not DAY % resolution
            and resolution <= HOUR
        )
        for kind in enough:
            if kind != "radiation" or not sunny:
                blocks += _weather(events, kind, targets)
        if sunny:
            blocks += _sunshine(events, "radiation" in enough, targets)
        return cls(tuple(lags), tuple(dict.fromkeys(blocks)), enough)

    @property
    def curves(self) -> tuple[str, ...]:
        """Types of weather with columns of their own, which can be left out; light also stands in those of the sun."""
        return tuple(kind for kind in self.weather if any(_is_about(kind, block) for block in self.blocks))

    @property
    def has_season(self) -> bool:
        """Whether the wave of the year is among the columns."""
        return any(isinstance(block, Year) for block in self.blocks)


def _is_about(kind: str | None, block: Block) -> bool:
    return kind is not None and getattr(block, "type", None) == kind


def _weather(events: Events, kind: str, targets: Ints) -> list[Block]:
    """Curves of one type of weather at the event and at the newest slot that it may know.

    Of the event's own horizon: the weather of another one may be the same in the past that the model learns from,
    and still end before the event that is forecast.
    """
    horizon, past = events.horizon, events.past
    bends = features.knots(features.take(events.scene.weather(kind, horizon), targets))
    blocks: list[Block] = [Curve(kind, horizon, shift, bends) for shift in (0, events.lead)]
    if kind == "wind_speed":
        blocks.append(Curve(kind, horizon, 1, bends))
        spans = tuple(hours * HOUR // past.resolution for hours in (3, 6, 12, 24))
        blocks.append(WeatherMeans(kind, horizon, tuple(span for span in spans if span > 1)))
    if events.scene.sensor.kind == "market":
        blocks.append(Before(kind, horizon, (DAY // past.resolution, WEEK // past.resolution)))
    return blocks


def _sunshine(events: Events, forecast: bool, targets: Ints) -> list[Block]:
    """Light and what the panel makes of it, by forecast radiation or by a clear sky."""
    sky = Sky(events.horizon if forecast else None)
    _, radiation = sky.over(events.scene, targets)
    hour = events.past.starts_ms(targets) % DAY_MS // HOUR_MS
    bright = np.bincount(hour[np.nan_to_num(radiation) > 0], minlength=24)
    hours = tuple(np.flatnonzero(bright > len(targets) / 100).tolist())
    return [Sunlight(sky, hours), Yield(sky, events.lead)]


class Layout:
    """Which columns several designs have together: those that are the same stand there once.

    Lags first, then means by span, then the other blocks, whose widths are known when they are first made.
    """

    def __init__(self, designs: Sequence[Design]) -> None:
        self.designs = designs
        self.lags = list(dict.fromkeys(lag for design in designs for lag in design.lags))
        blocks = dict.fromkeys(block for design in designs for block in design.blocks)
        self.means: dict[int, list[Mean]] = {}
        for block in blocks:
            if isinstance(block, Mean):
                self.means.setdefault(block.span, []).append(block)
        self.blocks = [block for block in blocks if not isinstance(block, Mean)]
        means = [mean for of_span in self.means.values() for mean in of_span]
        self._first: dict[Block, int] = {mean: len(self.lags) + place for place, mean in enumerate(means)}
        self._widths: dict[Block, int] = dict.fromkeys(means, 1)
        self._numbers: dict[tuple[Design, Part, str | None], Ints] = {}

    def place(self, block: Block, first: int, width: int) -> None:
        """Note where the columns of a block stand."""
        self._first[block], self._widths[block] = first, width

    def of(self, design: Design, part: Part = "all", without: str | None = None) -> Ints:
        """Numbers of the columns of one design, in its own order, or of a part of them; without a type of weather."""
        key = (design, part, without)
        if key not in self._numbers:
            lags = [self.lags.index(lag) for lag in design.lags]
            blocks = [
                block for block in design.blocks if IS_OF[part](block) and not _is_about(without, block)
            ]
            ranges = [self._first[block] + np.arange(self._widths[block]) for block in blocks]
            self._numbers[key] = np.concatenate([np.array(lags), *ranges])
        return self._numbers[key]

    def common(self) -> Ints:
        """Numbers of the columns that all of several designs have."""
        if len(self.designs) < 2:
            return np.empty(0, dtype=np.int64)
        counts = np.bincount(np.concatenate([self.of(design) for design in self.designs]))
        return np.flatnonzero(counts == len(self.designs))


layout = lru_cache(maxsize=64)(Layout)  # designs serve a week; of each, one object


class Columns:
    """The columns of several designs at some slots (ascending), one row a slot; NaN where something is not known."""

    def __init__(self, designs: Sequence[Design], scene: EventData, slots: Ints) -> None:
        self.scene, self.slots, self.layout = scene, slots, layout(tuple(designs))
        parts, sorts = [scene.past.lagged(slots, self.layout.lags)], [LEVEL]
        for span, means in self.layout.means.items():
            parts.append(features.shifted(scene.past.means(span), slots, [mean.lead for mean in means]))
            sorts.append(LEVEL)
        width = sum(map(len, parts))
        for block in self.layout.blocks:
            first = width
            for sort, columns in block(scene, slots):
                parts.append(columns.T)
                sorts.append(sort)
                width += columns.shape[1]
            self.layout.place(block, first, width - first)
        self.x: Floats = np.concatenate(parts).T
        self._sorts = [(sort, len(part)) for sort, part in zip(sorts, parts, strict=True)]

    def at(self, slots: Ints, design: Design) -> Floats:
        """The columns of one design at some of the slots, shape (slots, columns)."""
        rows = np.searchsorted(self.slots, slots)
        found: Floats = self.x.T[self.layout.of(design)[:, None], rows].T
        return found

    def table(self, rows: slice | Bools, y: Floats) -> Table:
        """Some rows, of which everything is known; POSITIVE columns get the size and sign of the rows' values y."""
        scale = np.concatenate([np.full(width, SCALES[sort]) for sort, width in self._sorts])
        x = self.x.T[:, rows].T
        for column in np.flatnonzero(scale == TO_BE_LEARNT):
            mean = np.abs(x[:, column]).mean()
            scale[column] = y.mean() / mean if mean > 0 else 1.0
        return Table(x, scale)
