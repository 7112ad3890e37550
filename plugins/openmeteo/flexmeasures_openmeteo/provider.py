"""The forecast request of Open-Meteo: /v1/forecast, by hours or quarters of them; its archive of forecasts, too.

Fields and units: open-meteo.com/en/docs. Temperature and wind are those of an instant, radiation is the mean of the
hour (or quarter) before it: an event of this provider is the one that ends at the stated time, so that radiation is
right, and temperature and wind are those at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flexmeasures.timing import iso_duration
from flexmeasures_weather import Place, WeatherForecast, WeatherProvider
from flexmeasures_web_services import ServiceUnavailable, get_json

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BLOCKS = {HOUR: "hourly", timedelta(minutes=15): "minutely_15"}  # how the service calls its resolutions
DAYS = 7
DAYS_AHEAD = (1, 2)  # of the archive; it keeps seven
# Field: type of sensor, the unit that is asked for, and a value of that in ours.
FIELDS = {
    "temperature_2m": ("temperature", "°C", 1.0),
    "wind_speed_10m": ("wind_speed", "m/s", 1.0),
    "shortwave_radiation": ("radiation", "W/m²", 1 / 1000),
}


class OpenMeteo(WeatherProvider):
    """A week, and up to 92 days back. It does not say when a forecast was made."""

    name: ClassVar[str] = "Open-Meteo"

    def __init__(
        self, url: str, model: str, key: str | None, archive: str = "", resolution: timedelta = HOUR
    ) -> None:
        self._url, self._model, self._key, self._resolution = url.rstrip("/"), model, key, resolution
        self._archive = archive.rstrip("/")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """At FLEXMEASURES_OPENMETEO_URL; it needs no key."""
        url, model, archive, resolution = (
            settings[f"FLEXMEASURES_OPENMETEO_{name}"]
            for name in ("URL", "MODEL", "PREVIOUS_RUNS_URL", "RESOLUTION")
        )
        return cls(url, model, settings["OPENMETEO_API_KEY"], archive, resolution)

    def forecast(self, place: Place, past_days: int = 0) -> WeatherForecast:
        """From the midnight (UTC) of today or of so many days before."""
        return self._ask(self._url, place, past_days, DAYS, self._resolution)

    def archived(self, place: Place, past_days: int) -> Sequence[WeatherForecast]:
        """What was said a day and two days before each hour (its "previous runs", which are hourly)."""
        if not self._archive:
            return ()
        found = (
            self._ask(self._archive, place, past_days, 1, HOUR, f"_previous_day{days}") for days in DAYS_AHEAD
        )
        return [replace(each, horizon=days * DAY) for days, each in zip(DAYS_AHEAD, found, strict=True)]

    def _ask(
        self, url: str, place: Place, past_days: int, days: int, resolution: timedelta, suffix: str = ""
    ) -> WeatherForecast:
        """The slots of so many days; suffix: of the names of fields."""
        block = BLOCKS[resolution]
        fields = {
            "latitude": f"{place.latitude:g}",
            "longitude": f"{place.longitude:g}",
            block: ",".join(f"{field}{suffix}" for field in FIELDS),
            "wind_speed_unit": "ms",
            "timeformat": "unixtime",
            "timezone": "UTC",
            "forecast_days": str(days),
            "past_days": str(past_days),
            "models": self._model,
        } | ({"apikey": self._key} if self._key else {})
        answer = get_json(self.name, f"{url}/v1/forecast", fields)
        columns, units = answer.get(block), answer.get(f"{block}_units")
        if not isinstance(columns, Mapping) or not isinstance(units, Mapping):
            raise ServiceUnavailable(f"{self.name} answers without {block} data.")
        times = _times(columns.get("time"), resolution)
        values = {
            name: _column(columns, units, field, suffix, len(times)) for field, (name, *_) in FIELDS.items()
        }
        start = datetime.fromtimestamp(times[0], UTC) - resolution
        return WeatherForecast(start=start, resolution=resolution, values=values, answer=answer)


def _times(stated: object, resolution: timedelta) -> list[int]:
    """The times, each a slot after the one before."""
    import numpy as np

    if not isinstance(stated, list) or not stated or not all(type(each) is int for each in stated):
        raise ServiceUnavailable(f"{OpenMeteo.name} answers without times.")
    if set(np.diff(stated).tolist()) - {int(resolution.total_seconds())}:
        apart = f"not {iso_duration(resolution)} apart"
        raise ServiceUnavailable(f"{OpenMeteo.name} answers with times that are {apart}.")
    return stated


def _column(
    columns: Mapping[str, Any], units: Mapping[str, Any], field: str, suffix: str, count: int
) -> Floats:
    """The values of one field in our unit, NaN where nothing is said; ServiceUnavailable for another unit."""
    import numpy as np

    _, unit, factor = FIELDS[field]
    stated = columns.get(f"{field}{suffix}")
    if stated is None:
        return np.full(count, np.nan)
    if units.get(f"{field}{suffix}") != unit:
        raise ServiceUnavailable(
            f"{OpenMeteo.name} gives {field} in {units.get(f'{field}{suffix}')!r}, not in {unit}."
        )
    if not isinstance(stated, list) or len(stated) != count:
        raise ServiceUnavailable(f"{OpenMeteo.name} gives {field} for other times than it tells.")
    numbers = [float(each) if isinstance(each, int | float) else np.nan for each in stated]
    return np.array(numbers) * factor
