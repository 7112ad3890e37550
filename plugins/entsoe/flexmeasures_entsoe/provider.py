"""The ENTSO-E transparency platform's web API, as XML: day-ahead prices (document type A44), and what is expected of
zones day ahead: load (A65), wind and solar power (A69).

Rules of the document (the platform's guide of its API): a period holds points by position; of curve type A03 a
position that is missing repeats the value before it; where a zone has several auctions, position 1 is the coupled one.
The XML is read by defusedxml: entities and external documents are refused. entsoe-py would read it too, but needs
pandas and a session of requests for one request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self

from flexmeasures.errors import InputError, SettingsError
from flexmeasures.timing import parse_duration
from flexmeasures_market_data import PriceProvider, Prices, ZoneForecast
from flexmeasures_web_services import ServiceUnavailable, get

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from flexmeasures.timeseries import Floats

# Energy Identification Codes of bidding zones (ENTSO-E's list of areas).
ZONES = {
    "AT": "10YAT-APG------L", "BE": "10YBE----------2", "BG": "10YCA-BULGARIA-R", "CH": "10YCH-SWISSGRIDZ",
    "CZ": "10YCZ-CEPS-----N", "DE-LU": "10Y1001A1001A82H", "DK1": "10YDK-1--------W", "DK2": "10YDK-2--------M",
    "EE": "10Y1001A1001A39I", "ES": "10YES-REE------0", "FI": "10YFI-1--------U", "FR": "10YFR-RTE------C",
    "GR": "10YGR-HTSO-----Y", "HR": "10YHR-HEP------M", "HU": "10YHU-MAVIR----U", "LT": "10YLT-1001A0008Q",
    "LV": "10YLV-1001A00074", "NL": "10YNL----------L", "NO1": "10YNO-1--------2", "NO2": "10YNO-2--------T",
    "NO3": "10YNO-3--------J", "NO4": "10YNO-4--------9", "NO5": "10Y1001A1001A48H", "PL": "10YPL-AREA-----S",
    "PT": "10YPT-REN------W", "RO": "10YRO-TEL------P", "SE1": "10Y1001A1001A44P", "SE2": "10Y1001A1001A45N",
    "SE3": "10Y1001A1001A46L", "SE4": "10Y1001A1001A47J", "SI": "10YSI-ELES-----O", "SK": "10YSK-SEPS-----K",
}  # fmt: skip
CODE_LENGTH = 16
NOTHING = "999"  # reason code of "no matching data found"
MOST_POINTS = 40_000  # a year of quarter-hours
DAY_AHEAD = "A01"  # process type
PLANTS = {
    "B16": "zone_solar",
    "B18": "zone_wind",
    "B19": "zone_wind",
}  # codes of PsrType: solar, wind at sea, on land


class Entsoe(PriceProvider):
    """Prices of all bidding zones of the coupled auction, by name (NL, DE-LU ...) or by EIC code."""

    name: ClassVar[str] = "ENTSO-E"

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """With ENTSOE_API_TOKEN at FLEXMEASURES_ENTSOE_URL."""
        token = settings.get("ENTSOE_API_TOKEN")
        if not token:
            raise SettingsError(f"ENTSOE_API_TOKEN is not set, so that {cls.name} cannot be asked.")
        return cls(settings["FLEXMEASURES_ENTSOE_URL"], str(token))

    def day_ahead_prices(self, zone: str, start: datetime, end: datetime) -> Sequence[Prices]:
        """What is known of the window, in parts of one resolution."""
        code = _code(zone)
        series = self._ask("A44", start, end, in_Domain=code, out_Domain=code)
        prices = [
            _prices(each, period)
            for each in series
            if _auction(each) in ("", "1")
            for period in _all(each, "Period")
        ]
        return [part for each in prices if (part := _within(each, start, end)) is not None]

    def zone_forecasts(self, zone: str, start: datetime, end: datetime) -> Sequence[ZoneForecast]:
        """Load, and wind and solar power where there are any; wind on land and at sea together."""
        code = _code(zone)
        load = self._ask("A65", start, end, processType=DAY_AHEAD, outBiddingZone_Domain=code)
        found = [("zone_load", each) for each in load]
        others = self._ask("A69", start, end, processType=DAY_AHEAD, in_Domain=code)
        found += [(quantity, each) for each in others if (quantity := PLANTS.get(_plant(each))) is not None]
        summed: dict[tuple[str, datetime, timedelta], Floats] = {}
        for quantity, series in found:
            for period in _all(series, "Period"):
                part = _within(_points(series, period, "quantity", "MW"), start, end)
                if part is None:
                    continue
                key = (quantity, part.start, part.resolution)
                same = summed.get(key)
                summed[key] = (
                    part.values if same is None or len(same) != len(part.values) else same + part.values
                )
        return [
            ZoneForecast(quantity=quantity, start=first, resolution=resolution, values=values)
            for (quantity, first, resolution), values in summed.items()
        ]

    def _ask(self, document: str, start: datetime, end: datetime, **fields: str) -> list[Element]:
        """The time series of a document about a window; none where the platform has none."""
        moments = (moment.astimezone(UTC).strftime("%Y%m%d%H%M") for moment in (start, end))
        asked = {"securityToken": self._token, "documentType": document, **fields}
        asked |= dict(zip(("periodStart", "periodEnd"), moments, strict=True))
        # Refusals of what was asked for are documents too, with status 400.
        body = get(self.name, f"{self._url}/api", asked, accepted=(200, 400))
        return _series(body)


def _code(zone: str) -> str:
    """The EIC code of a zone."""
    code = zone if len(zone) == CODE_LENGTH else ZONES.get(zone.upper())
    if code is None:
        raise InputError(
            f"{Entsoe.name} has no zone {zone!r}.", "zone", f"{', '.join(ZONES)}, or an EIC code"
        )
    return code


def _series(body: bytes) -> list[Element]:
    """The time series of a document."""
    root = _parse(body)
    kind = _tag(root)
    if kind == "Acknowledgement_MarketDocument":
        reason = next(_all(root, "Reason"), root)
        if _text(reason, "code") == NOTHING:
            return []
        raise ServiceUnavailable(f"{Entsoe.name} refuses: {_text(reason, 'text')[:200]}")
    if kind not in ("Publication_MarketDocument", "GL_MarketDocument"):
        raise ServiceUnavailable(f"{Entsoe.name} answers with another document ({kind[:80]}).")
    return list(_all(root, "TimeSeries"))


def _parse(body: bytes) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        found: Element = fromstring(body)
    except (ParseError, DefusedXmlException, ValueError):
        raise ServiceUnavailable(f"{Entsoe.name} answers with something else than its XML.") from None
    return found


def _prices(series: Element, period: Element) -> Prices:
    """The prices of one period."""
    unit = f"{_text(series, 'currency_Unit.name')}/{_text(series, 'price_Measure_Unit.name')}"
    return _points(series, period, "price.amount", unit.replace("MWH", "MWh"))


def _points(series: Element, period: Element, field: str, unit: str) -> Prices:
    """The points of one period."""
    import numpy as np

    try:
        interval = next(_all(period, "timeInterval"))
        start, end = (datetime.fromisoformat(_text(interval, name)) for name in ("start", "end"))
        resolution = parse_duration(_text(period, "resolution"))
        count = (end - start) // resolution
        if not 0 < count <= MOST_POINTS or resolution < timedelta(minutes=1):
            raise ValueError(count)
        values = np.full(count, np.nan)
        for point in _all(period, "Point"):
            place = int(_text(point, "position")) - 1
            if not 0 <= place < count:
                raise ValueError(place)
            values[place] = float(_text(point, field))
    except (StopIteration, ValueError, TypeError, InputError, ZeroDivisionError):
        raise ServiceUnavailable(f"{Entsoe.name} answers with a period that is not understood.") from None
    if _text(series, "curveType") == "A03":
        known = np.isfinite(values)
        values = np.where(
            known.cumsum() > 0, values[np.maximum.accumulate(np.where(known, np.arange(count), 0))], np.nan
        )
    return Prices(start=start.astimezone(UTC), resolution=resolution, values=values, unit=unit)


def _within(prices: Prices, start: datetime, end: datetime) -> Prices | None:
    """What of it lies in the window; the platform gives whole days."""
    first = max(0, -((prices.start - start) // prices.resolution))
    last = min(len(prices.values), (end - prices.start) // prices.resolution)
    if first >= last:
        return None
    begin = prices.start + first * prices.resolution
    return Prices(
        start=begin, resolution=prices.resolution, values=prices.values[first:last], unit=prices.unit
    )


def _auction(series: Element) -> str:
    return _text(series, "classificationSequence_AttributeInstanceComponent.position")


def _plant(series: Element) -> str:
    return next((_text(each, "psrType") for each in _all(series, "MktPSRType")), "")


def _tag(element: Element) -> str:
    """The name without its namespace, which carries the version of the schema."""
    return str(element.tag).rpartition("}")[2]


def _all(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element.iter() if _tag(child) == name)


def _text(element: Element, name: str) -> str:
    """The text of the first child of that name, "" where there is none."""
    return next((str(child.text or "").strip() for child in element if _tag(child) == name), "")
