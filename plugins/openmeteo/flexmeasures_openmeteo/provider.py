"""The forecast request of Open-Meteo: /v1/forecast, hour by hour; of its archive of forecasts as they were made, too.

Fields and units: open-meteo.com/en/docs. Temperature and wind are those of an instant, radiation is the mean of the
hour before it: an event of this provider is the hour that ends at the stated time, so that radiation is right to the
hour, and temperature and wind are those at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flexmeasures_weather import Place, WeatherForecast, WeatherProvider
from flexmeasures_web_services import ServiceUnavailable, get_json

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOUR_SECONDS = 3600
DAYS = 7
DAYS_AHEAD = (1, 2)  # of the archive; it keeps seven
# Field: type of sensor, the unit that is asked for, and a value of that in ours.
FIELDS = {
    "temperature_2m": ("temperature", "°C", 1.0),
    "wind_speed_10m": ("wind_speed", "m/s", 1.0),
    "shortwave_radiation": ("radiation", "W/m²", 1 / 1000),
}


class OpenMeteo(WeatherProvider):
    """A week of hours, and up to 92 days back. It does not say when a forecast was made."""

    name: ClassVar[str] = "Open-Meteo"

    def __init__(self, url: str, model: str, key: str | None, archive: str = "") -> None:
        self._url, self._model, self._key = url.rstrip("/"), model, key
        self._archive = archive.rstrip("/")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """At FLEXMEASURES_OPENMETEO_URL; it needs no key."""
        url, archive = (settings[f"FLEXMEASURES_OPENMETEO_{name}"] for name in ("URL", "PREVIOUS_RUNS_URL"))
        return cls(url, settings["FLEXMEASURES_OPENMETEO_MODEL"], settings["OPENMETEO_API_KEY"], archive)

    def forecast(self, place: Place, past_days: int = 0) -> WeatherForecast:
        """From the midnight (UTC) of today or of so many days before."""
        return self._ask(self._url, place, past_days, DAYS, "")

    def archived(self, place: Place, past_days: int) -> Sequence[WeatherForecast]:
        """What was said a day and two days before each hour (its "previous runs")."""
        if not self._archive:
            return ()
        found = (self._ask(self._archive, place, past_days, 1, f"_previous_day{days}") for days in DAYS_AHEAD)
        return [replace(each, horizon=days * DAY) for days, each in zip(DAYS_AHEAD, found, strict=True)]

    def _ask(self, url: str, place: Place, past_days: int, days: int, suffix: str) -> WeatherForecast:
        """The hours of so many days; suffix: of the names of fields."""
        fields = {
            "latitude": f"{place.latitude:g}",
            "longitude": f"{place.longitude:g}",
            "hourly": ",".join(f"{field}{suffix}" for field in FIELDS),
            "wind_speed_unit": "ms",
            "timeformat": "unixtime",
            "timezone": "UTC",
            "forecast_days": str(days),
            "past_days": str(past_days),
            "models": self._model,
        } | ({"apikey": self._key} if self._key else {})
        answer = get_json(self.name, f"{url}/v1/forecast", fields)
        hourly, units = answer.get("hourly"), answer.get("hourly_units")
        if not isinstance(hourly, Mapping) or not isinstance(units, Mapping):
            raise ServiceUnavailable(f"{self.name} answers without hourly data.")
        times = _times(hourly.get("time"))
        values = {
            name: _column(hourly, units, field, suffix, len(times)) for field, (name, *_) in FIELDS.items()
        }
        start = datetime.fromtimestamp(times[0], UTC) - HOUR
        return WeatherForecast(start=start, resolution=HOUR, values=values, answer=answer)


def _times(stated: object) -> list[int]:
    """The times, each an hour after the one before."""
    import numpy as np

    if not isinstance(stated, list) or not stated or not all(type(each) is int for each in stated):
        raise ServiceUnavailable(f"{OpenMeteo.name} answers without times.")
    if set(np.diff(stated).tolist()) - {HOUR_SECONDS}:
        raise ServiceUnavailable(f"{OpenMeteo.name} answers with times that are not an hour apart.")
    return stated


def _column(
    hourly: Mapping[str, Any], units: Mapping[str, Any], field: str, suffix: str, count: int
) -> Floats:
    """The values of one field in our unit, NaN where nothing is said; ServiceUnavailable for another unit."""
    import numpy as np

    _, unit, factor = FIELDS[field]
    stated = hourly.get(f"{field}{suffix}")
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
