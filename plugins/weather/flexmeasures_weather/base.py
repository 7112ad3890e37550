"""What a weather provider is asked and what it answers: numbers in the units of UNITS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flexmeasures.errors import InputError

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

# By type of weather sensor, the unit in which providers answer and in which sensors are made.
UNITS = {"temperature": "°C", "wind_speed": "m/s", "radiation": "kW/m²"}
CLOUD_COVER = (
    "cloud_cover"  # a part of the sky, 0 to 1; radiation is estimated from it where a provider has none
)


@dataclass(frozen=True, order=True)
class Place:
    """A point on the globe, in degrees. InputError for what is none."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            text = f"The location {self} is not on the globe."
            raise InputError(text, "location", "a latitude from -90 to 90 and a longitude from -180 to 180")

    def __str__(self) -> str:
        return f"{self.latitude:g},{self.longitude:g}"


@dataclass(frozen=True, kw_only=True)
class WeatherForecast:
    """What a provider says about one place.

    start: of the first slot, UTC. values: by quantity, a key of UNITS or CLOUD_COVER, in its unit, shape (n,), NaN
    where the provider says nothing. issued: when the provider made it, None where it does not say. horizon: of
    an archive, how long before the end of each slot it was made, at least. answer: its own
    words, as JSON.
    """

    start: datetime
    resolution: timedelta
    values: Mapping[str, Floats]
    issued: datetime | None = None
    horizon: timedelta | None = None
    answer: Any = None


class WeatherProvider(ABC):
    """A service that forecasts weather. name: it is also the name of the source of its forecasts."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The provider as it is configured; SettingsError that says which setting is missing."""

    @abstractmethod
    def forecast(self, place: Place, past_days: int = 0) -> WeatherForecast:
        """The newest forecast of a place, with so many days before today where the provider has them.

        Raises ServiceUnavailable, ServiceRefuses.
        """

    def archived(self, place: Place, past_days: int) -> Sequence[WeatherForecast]:
        """Forecasts of so many days before today as they were made then; none where the provider keeps none.

        Raises the same errors.
        """
        return ()
