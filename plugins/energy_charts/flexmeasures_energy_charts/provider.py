"""The request /price of the Energy-Charts API: columns of Unix times and prices.

Fields and units: api.energy-charts.info. Slots last until the next time; where hours become quarter-hours within the
answer, it is told in parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar, Self

from flexmeasures_market_data import PriceProvider, Prices
from flexmeasures_web_services import ServiceUnavailable, get_json

STEPS = (900, 1800, 3600)  # seconds that a slot may last


class EnergyCharts(PriceProvider):
    """Prices of European bidding zones, named as there (DE-LU, NL, DK1 ...)."""

    name: ClassVar[str] = "Energy-Charts"

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """At FLEXMEASURES_ENERGY_CHARTS_URL; it needs no key."""
        return cls(settings["FLEXMEASURES_ENERGY_CHARTS_URL"])

    def day_ahead_prices(self, zone: str, start: datetime, end: datetime) -> Sequence[Prices]:
        """What is known of the window, in parts of one resolution."""
        fields = {"bzn": zone, "start": start.isoformat(), "end": end.isoformat()}
        answer = get_json(self.name, f"{self._url}/price", fields)
        times, prices, unit = (answer.get(name) for name in ("unix_seconds", "price", "unit"))
        if not isinstance(times, list) or not isinstance(prices, list) or len(times) != len(prices):
            raise ServiceUnavailable(f"{self.name} answers without times and prices that belong together.")
        if times and str(unit).replace(" ", "") != "EUR/MWh":
            raise ServiceUnavailable(f"{self.name} gives prices in {unit!r}, not in EUR/MWh.")
        if not all(type(each) is int for each in times) or sorted(set(times)) != times:
            raise ServiceUnavailable(f"{self.name} answers with times that do not ascend.")
        inside = [k for k, each in enumerate(times) if start.timestamp() <= each < end.timestamp()]
        return _parts([times[k] for k in inside], [prices[k] for k in inside], end)


def _parts(times: Sequence[int], prices: Sequence[Any], end: datetime) -> list[Prices]:
    """Runs of slots that last equally long; where a time is missing, a run ends."""
    import numpy as np

    found: list[Prices] = []
    lengths = _lengths(times, int(end.timestamp()))
    first = 0
    for last in range(len(times)):
        goes_on = (
            last + 1 < len(times)
            and lengths[last + 1] == lengths[last]
            and times[last + 1] - times[last] == lengths[last]
        )
        if not goes_on:
            stated = prices[first : last + 1]
            values = [float(each) if isinstance(each, int | float) else np.nan for each in stated]
            resolution = timedelta(seconds=lengths[first])
            start = datetime.fromtimestamp(times[first], UTC)
            found.append(Prices(start=start, resolution=resolution, values=np.array(values)))
            first = last + 1
    return found


def _lengths(times: Sequence[int], end: int) -> list[int]:
    """How long each slot lasts, in seconds: until the next one, or as long as the one before where some are missing."""
    steps = [after - before for before, after in pairwise(times)]
    lengths: list[int] = []
    for k, step in enumerate(steps):
        before = lengths[-1] if lengths else 0
        is_gap = step not in STEPS or (before and step > before and steps[k + 1 : k + 2] == [before])
        lengths.append(before or STEPS[-1] if is_gap else step)
    if times:
        lengths.append(lengths[-1] if lengths else min(STEPS[-1], end - times[-1]))
    return lengths
