"""Which columns describe the events of one sensor and horizon, and the table of several horizons together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from flexmeasures_forecaster_ols import features
from flexmeasures_forecaster_ols.blocks import (
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
    Yield,
)
from flexmeasures_forecaster_ols.blocks import Weather as Curve
from flexmeasures_forecaster_ols.bounds import NIGHT_TYPES, place_of
from flexmeasures_forecaster_ols.calendars import Calendar, seasonality
from flexmeasures_forecaster_ols.features import DAY, DAY_MS, HOUR, HOUR_MS, WEEK, Floats, Ints
from flexmeasures_forecaster_ols.ols import Table
from flexmeasures_forecaster_ols.scene import Events, Scene

TO_BE_LEARNT = 0.0
SCALES = {PLAIN: np.nan, LEVEL: 1.0, POSITIVE: TO_BE_LEARNT}
# Blocks that a short history can feed, besides lags.
FOR_FEW = (Curve, WeatherMeans, Sunlight, Yield)


@dataclass(frozen=True)
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
        lags = features.lags(events.horizon, resolution, seasons, longest)
        spans = [length // resolution for length in (DAY, WEEK) if resolution * 2 <= length]
        blocks: list[Block] = [Mean(lead, span) for span in spans]
        if resolution < DAY and "daily" in seasons:
            blocks.append(Hours(Calendar.of(sensor)))
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


def _weather(events: Events, kind: str, targets: Ints) -> list[Block]:
    """Curves of one type of weather at the event and at the newest slot that it may know."""
    horizon, past = events.scene.same_weather(kind, events.horizon), events.past
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
    horizon: timedelta | None = None
    hours: tuple[int, ...] = ()
    if forecast:
        horizon = events.scene.same_weather("radiation", events.horizon)
        radiation = np.nan_to_num(events.scene.weather("radiation", horizon)[targets])
        hour = events.past.starts_ms(targets) % DAY_MS // HOUR_MS
        bright = np.bincount(hour[radiation > 0], minlength=24)
        hours = tuple(np.flatnonzero(bright > len(targets) / 100).tolist())
    sky = Sky(horizon)
    return [Sunlight(sky, hours), Yield(sky, events.lead)]


class Columns:
    """The columns of several designs in one table: those that are the same stand there once.

    table: one row a slot (ascending), NaN where something is not known.
    """

    def __init__(self, designs: Sequence[Design], scene: Scene, slots: Ints) -> None:
        lags = dict.fromkeys(lag for design in designs for lag in design.lags)
        self._lags = {lag: place for place, lag in enumerate(lags)}
        self._places: dict[Block, Ints] = {}
        parts: list[Floats] = [scene.past.lagged(slots, list(self._lags))]
        scales = [np.ones(len(self._lags))]
        width = len(self._lags)
        for block in dict.fromkeys(block for design in designs for block in design.blocks):
            begin = width
            for sort, columns in block(scene, slots):
                parts.append(columns)
                scales.append(np.full(columns.shape[1], SCALES[sort]))
                width += columns.shape[1]
            self._places[block] = np.arange(begin, width)
        self.table = Table(np.concatenate(parts, axis=1), np.concatenate(scales))

    def of(self, design: Design, few: bool = False) -> Ints:
        """Numbers of the columns of one design, in its own order; few: those that a short history can feed."""
        lags = np.array([self._lags[lag] for lag in design.lags], dtype=np.int64)
        blocks = [block for block in design.blocks if not few or isinstance(block, FOR_FEW)]
        return np.concatenate([lags, *(self._places[block] for block in blocks)])


def scaled(table: Table, y: Floats) -> Table:
    """Give POSITIVE columns the size and sign of the values y, so that both may be transformed alike."""
    means = np.abs(table.x).mean(axis=0)
    own = np.where(means > 0, y.mean() / np.where(means > 0, means, 1.0), 1.0)
    return Table(table.x, np.where(table.scale == TO_BE_LEARNT, own, table.scale))
