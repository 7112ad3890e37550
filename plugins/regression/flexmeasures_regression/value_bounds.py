"""What a sensor's values may be: a range, one sign where the type says so, and nothing at night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flexmeasures.timing import duration_ms
from flexmeasures_algorithms import SensorFacts
from flexmeasures_regression.features import DAY, Floats, Ints, Past
from flexmeasures_regression.ols import Bools
from flexmeasures_regression.solar_geometry import sun

NIGHT_TYPES = ("solar", "radiation")
MARGIN = 0.2  # of the range that was seen
MARGIN_OF_PRICES = 1.0  # which have no natural bounds


def place_of(sensor: SensorFacts) -> tuple[float, float] | None:
    """Latitude and longitude of the sensor, None where they are not known."""
    if sensor.latitude is None or sensor.longitude is None:
        return None
    return (sensor.latitude, sensor.longitude)


@dataclass(frozen=True)
class Night:
    """When a sensor that the sun drives rests: at which slots of the UTC day it was dark lately, and by the sun.

    resting: shape (slots of the day,), empty where values tell nothing. place: latitude and longitude, where
    known and the sun drives the sensor.
    """

    resting: Bools
    place: tuple[float, float] | None = None

    @classmethod
    def of(cls, sensor: SensorFacts, past: Past, end: int) -> Night:
        """From the 30 days before slot `end`: where all known values, at least seven, were 0."""
        if sensor.type not in NIGHT_TYPES:
            return cls(np.zeros(0, dtype=bool))
        day, rest = divmod(DAY, past.resolution)
        resting = np.zeros(0, dtype=bool)
        if not rest and day >= 2:
            slots = np.arange(max(0, end - 30 * day), end)
            values = past.raw[slots]
            of_day = past.slots_of_day(slots)
            known = np.bincount(of_day[np.isfinite(values)], minlength=day)
            light = np.bincount(of_day[np.nan_to_num(values) != 0], minlength=day)
            resting = (known >= 7) & (light == 0)
        if resting.all():
            resting = np.zeros(0, dtype=bool)  # a sensor that is always at 0 does not have nights
        return cls(resting, place_of(sensor))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return len(self.resting) > 0 or self.place is not None

    def __call__(self, past: Past, slots: Ints) -> Bools:
        """Whether each slot is at night."""
        dark = np.zeros(len(slots), dtype=bool)
        if len(self.resting):
            dark |= self.resting[past.slots_of_day(slots)]
        if self.place is not None and len(slots):
            dark |= sun(past.starts_ms(slots), duration_ms(past.resolution), *self.place).height <= 0.0
        return dark


@dataclass(frozen=True)
class Bounds:
    """What a sensor's values may be: a range, and when they are 0."""

    lowest: float
    highest: float
    night: Night

    @classmethod
    def of(cls, sensor: SensorFacts, known: Floats, night: Night) -> Bounds:
        """The range that was seen and a margin.

        Of an asset consumption only, or production only, where its type says so or nothing else was ever seen.
        """
        least, most = float(known.min()), float(known.max())
        margin = (MARGIN_OF_PRICES if sensor.kind == "market" else MARGIN) * (most - least)
        lowest, highest = least - margin, most + margin
        power = sensor.kind == "asset"
        if power and (least >= 0 or (sensor.is_consumer and not sensor.is_producer)):
            lowest, highest = max(lowest, 0.0), max(highest, 0.0)
        if power and (most <= 0 or (sensor.is_producer and not sensor.is_consumer)):
            lowest, highest = min(lowest, 0.0), min(highest, 0.0)
        return cls(lowest, highest, night)

    def __call__(self, values: Floats, past: Past, slots: Ints) -> Floats:
        """The values, within bounds; unknown ones stay unknown."""
        bounded = np.clip(values, self.lowest, self.highest)
        if not self.night:
            return bounded
        return np.where(self.night(past, slots) & np.isfinite(bounded), 0.0, bounded)
