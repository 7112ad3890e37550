"""The forecast request of the Dark Sky API: /forecast/<key>/<latitude>,<longitude>, hour by hour, in SI units.

Fields and units: the documentation of the Pirate Weather API (docs.pirateweather.net), which keeps that form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import quote

from flexmeasures.errors import SettingsError
from flexmeasures_weather import CLOUD_COVER, Place, WeatherForecast, WeatherProvider
from flexmeasures_web_services import ServiceUnavailable, get_json

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

HOUR = timedelta(hours=1)
HOUR_SECONDS = 3600
LONGEST = 14 * 24  # hours: what is farther ahead is a mistake
# With units=si: °C, m/s, and a part of the sky.
FIELDS = {"temperature": "temperature", "windSpeed": "wind_speed", "cloudCover": CLOUD_COVER}
KEY, URL = "DARK_SKY_API_KEY", "FLEXMEASURES_DARKSKY_URL"


class DarkSky(WeatherProvider):
    """Two or seven days of hours; radiation is estimated from cloud cover. It does not say when it was made."""

    name: ClassVar[str] = "DarkSky"

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url.rstrip("/"), key

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """With DARK_SKY_API_KEY at FLEXMEASURES_DARKSKY_URL."""
        key = settings.get(KEY)
        if not key:
            raise SettingsError(f"{KEY} is not set, so that {cls.name} cannot be asked.")
        return cls(settings[URL], str(key))

    def forecast(self, place: Place, past_days: int = 0) -> WeatherForecast:
        """From the hour that runs on; the service has no past in this request."""
        url = f"{self._url}/forecast/{quote(self._key, safe='')}/{place}"
        fields = {"units": "si", "extend": "hourly", "exclude": "minutely,daily,alerts"}
        answer = get_json(self.name, url, fields)
        hours = _hours(answer)
        times = [hour["time"] for hour in hours]
        first = min(times)
        count = (max(times) - first) // HOUR_SECONDS + 1
        places = [(each - first) // HOUR_SECONDS for each in times]
        values = {name: _column(hours, field, places, count) for field, name in FIELDS.items()}
        start = datetime.fromtimestamp(first, UTC)
        return WeatherForecast(start=start, resolution=HOUR, values=values, answer=answer)


def _hours(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The hours of an answer, those with a time that is a full hour; ServiceUnavailable where there are none."""
    hourly = answer.get("hourly")
    rows = hourly.get("data") if isinstance(hourly, Mapping) else None
    if not isinstance(rows, list):
        raise ServiceUnavailable(f"{DarkSky.name} answers without hourly data.")
    hours = [row for row in rows if isinstance(row, dict) and _is_hour(row.get("time"))]
    if not hours or len(hours) < len(rows):
        raise ServiceUnavailable(f"{DarkSky.name} answers with hours whose time is no full hour.")
    times = [hour["time"] for hour in hours]
    if max(times) - min(times) > LONGEST * HOUR_SECONDS:
        raise ServiceUnavailable(f"{DarkSky.name} answers with hours that are weeks apart.")
    return hours


def _is_hour(stated: object) -> bool:
    return (
        isinstance(stated, int)
        and not isinstance(stated, bool)
        and 0 < stated < 2**33
        and stated % HOUR_SECONDS == 0
    )


def _column(hours: Sequence[Mapping[str, Any]], field: str, places: Sequence[int], count: int) -> Floats:
    """The values of one field by slot, NaN for hours that are missing and for what is no number."""
    import numpy as np

    values = np.full(count, np.nan)
    for place, hour in zip(places, hours, strict=True):
        stated = hour.get(field)
        if (
            isinstance(stated, int | float) and not isinstance(stated, bool) and stated > -900
        ):  # -999: not known
            values[place] = float(stated)
    return values
