"""Store what is expected of a zone (load, wind, solar) as beliefs of sensors that explain its market's prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.models import Market, SensorType, WeatherSensor
from flexmeasures.models.sources import SCRIPT
from flexmeasures.sources import get_source
from flexmeasures_market_data.base import QUANTITIES, PriceProvider, Prices, ZoneForecast
from flexmeasures_market_data.importing import AUCTION_ZONE, by_day, market_name, published

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

REGRESSORS = "regressors"  # the attribute of a market that names what explains its prices


def store_forecasts(
    session: Session, market: Market, zone: str, provider: PriceProvider, found: Iterable[ZoneForecast]
) -> int:
    """Store forecasts of a zone, each day as known when it was published; how many beliefs were new.

    Sensors that are missing are made, and are from then on among those that explain the market's prices; whoever
    takes them out there (`flexmeasures add regressors`) is not contradicted. To be called inside `with db.writing():`.
    """
    source, now, count = get_source(provider.name, SCRIPT), timing.server_now(), 0
    for each in found:
        sensor = _sensor(session, market, zone, each)
        if sensor.event_resolution != each.resolution:
            continue  # the first resolution stays; the platform changes it once in years
        for day in _days(each):
            known = min(now, published(day.start, QUANTITIES[each.quantity][1]))
            count += beliefs.store(
                sensor, day.values, day.start, day.resolution, source, belief_time=known, on_existing="skip"
            ).new
    return count


def _days(forecast: ZoneForecast) -> Iterator[Prices]:
    return by_day(
        Prices(start=forecast.start, resolution=forecast.resolution, values=forecast.values, unit="MW")
    )


def _sensor(session: Session, market: Market, zone: str, forecast: ZoneForecast) -> WeatherSensor:
    """The sensor of a quantity of a zone: of no place, so that it is nobody's nearest weather."""
    name = market_name(zone).replace("day_ahead", forecast.quantity, 1)
    found = session.scalar(select(WeatherSensor).where(WeatherSensor.name == name))
    if found is None:
        title = QUANTITIES[forecast.quantity][0]
        found = WeatherSensor(
            name=name,
            display_name=f"{title[:1].upper()}{title[1:]} ({zone})",
            unit="MW",
            event_resolution=forecast.resolution,
            timezone=str(AUCTION_ZONE),
            type=_type(session, forecast.quantity),
        )
        session.add(found)
        session.flush()
        _explain(market, found.id)
    return found


def _type(session: Session, quantity: str) -> SensorType:
    query = select(SensorType).where(SensorType.kind == "weather_sensor", SensorType.name == quantity)
    found = session.scalar(query)
    if found is None:
        flags = {"daily_seasonality": True, "weekly_seasonality": True, "yearly_seasonality": True}
        found = SensorType(
            kind="weather_sensor", name=quantity, display_name=QUANTITIES[quantity][0], **flags
        )
        session.add(found)
    return found


def _explain(market: Market, sensor_id: int) -> None:
    """Put a sensor among those that explain the market's prices."""
    chosen = dict((market.attributes or {}).get(REGRESSORS) or {})
    chosen["add"] = [*chosen.get("add", ()), sensor_id]
    market.attributes = {**(market.attributes or {}), REGRESSORS: chosen}
