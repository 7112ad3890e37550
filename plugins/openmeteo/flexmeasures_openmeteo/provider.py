"""The forecast request of Open-Meteo: /v1/forecast, hour by hour.

Fields and units: open-meteo.com/en/docs. Temperature and wind are those of an instant, radiation is the mean of the
hour before it: an event of this provider is the hour that ends at the stated time, so that radiation is right to the
hour, and temperature and wind are those at its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flexmeasures_weather import Place, WeatherForecast, WeatherProvider
from flexmeasures_web_services import ServiceUnavailable, get_json

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

HOUR = timedelta(hours=1)
HOUR_SECONDS = 3600
DAYS = 7
# Field: type of sensor, the unit that is asked for, and a value of that in ours.
FIELDS = {
    "temperature_2m": ("temperature", "°C", 1.0),
    "wind_speed_10m": ("wind_speed", "m/s", 1.0),
    "shortwave_radiation": ("radiation", "W/m²", 1 / 1000),
}


class OpenMeteo(WeatherProvider):
    """A week of hours, and up to 92 days back. It does not say when a forecast was made."""

    name: ClassVar[str] = "Open-Meteo"

    def __init__(self, url: str, model: str, key: str | None) -> None:
        self._url, self._model, self._key = url.rstrip("/"), model, key

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """At FLEXMEASURES_OPENMETEO_URL; it needs no key."""
        model = settings["FLEXMEASURES_OPENMETEO_MODEL"]
        return cls(settings["FLEXMEASURES_OPENMETEO_URL"], model, settings["OPENMETEO_API_KEY"])

    def forecast(self, place: Place, past_days: int = 0) -> WeatherForecast:
        """From the midnight (UTC) of today or of so many days before."""
        fields = {
            "latitude": f"{place.latitude:g}",
            "longitude": f"{place.longitude:g}",
            "hourly": ",".join(FIELDS),
            "wind_speed_unit": "ms",
            "timeformat": "unixtime",
            "timezone": "UTC",
            "forecast_days": str(DAYS),
            "past_days": str(past_days),
            "models": self._model,
        } | ({"apikey": self._key} if self._key else {})
        answer = get_json(self.name, f"{self._url}/v1/forecast", fields)
        hourly, units = answer.get("hourly"), answer.get("hourly_units")
        if not isinstance(hourly, Mapping) or not isinstance(units, Mapping):
            raise ServiceUnavailable(f"{self.name} answers without hourly data.")
        times = _times(hourly.get("time"))
        values = {name: _column(hourly, units, field, len(times)) for field, (name, *_) in FIELDS.items()}
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


def _column(hourly: Mapping[str, Any], units: Mapping[str, Any], field: str, count: int) -> Floats:
    """The values of one field in our unit, NaN where nothing is said; ServiceUnavailable for another unit."""
    import numpy as np

    _, unit, factor = FIELDS[field]
    stated = hourly.get(field)
    if stated is None:
        return np.full(count, np.nan)
    if units.get(field) != unit:
        raise ServiceUnavailable(f"{OpenMeteo.name} gives {field} in {units.get(field)!r}, not in {unit}.")
    if not isinstance(stated, list) or len(stated) != count:
        raise ServiceUnavailable(f"{OpenMeteo.name} gives {field} for other times than it tells.")
    numbers = [float(each) if isinstance(each, int | float) else np.nan for each in stated]
    return np.array(numbers) * factor
