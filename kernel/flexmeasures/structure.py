"""Structure: users, sensors and their types, sources; everything that is not a time series or a job.

Functions that change something are called inside `with db.writing():`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from flexmeasures import beliefs
from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.flexibility import ATTRIBUTE
from flexmeasures.models import sources as kinds
from flexmeasures.models.sensors import REGRESSORS, Asset, Market, Sensor, SensorType, WeatherSensor
from flexmeasures.models.users import User
from flexmeasures.references import check_wishes
from flexmeasures.regressors import check_choice
from flexmeasures.sources import get_source
from flexmeasures.timing import server_now

DUMMY_MARKET = "dummy-tou"
DUMMY_PRICE = 50.0
AnySensor = TypeVar("AnySensor", bound=Sensor)

_ALL = ("daily", "weekly", "yearly")
_SUN = ("daily", "yearly")
# Contract 21.1 to 21.3: kind, name, display name, what it can do, seasonality, hover label.
_TYPES: tuple[tuple[str, str, str, tuple[str, ...], tuple[str, ...], str | None], ...] = (
    ("asset", "solar", "solar panel", ("is_producer",), _SUN, None),
    ("asset", "wind", "wind turbine", ("is_producer", "can_curtail"), _SUN, None),
    ("asset", "one-way_evse", "one-way EVSE", ("is_consumer", "can_shift"), _ALL,
     "uni-directional Electric Vehicle Supply Equipment"),
    ("asset", "two-way_evse", "two-way EVSE", ("is_consumer", "is_producer", "can_shift"), _ALL,
     "bi-directional Electric Vehicle Supply Equipment"),
    ("asset", "battery", "stationary battery", ("is_consumer", "is_producer", "can_curtail", "can_shift"), _ALL, None),
    ("asset", "building", "building", ("is_consumer", "is_producer", "can_shift"), _ALL, None),
    ("weather_sensor", "temperature", "ambient temperature", (), _SUN, None),
    ("weather_sensor", "wind_speed", "wind speed", (), _SUN, None),
    ("weather_sensor", "radiation", "solar irradiation", (), _SUN, None),
    ("market", "day_ahead", "day-ahead market", (), _ALL, None),
    ("market", "tou_tariff", "time-of use tariff", (), _SUN, None),
)  # fmt: skip


# -- standing rows -------------------------------------------------------------------------------------


def seed(session: Session) -> dict[str, int]:
    """Add the standard types, the dummy market with its prices, and the script source, where missing.

    Safe to run twice. Returns how many of each kind there are now.
    """
    known = {(row.kind, row.name) for row in session.scalars(select(SensorType))}
    for kind, name, display_name, abilities, seasons, label in _TYPES:
        if (kind, name) not in known:
            flags = dict.fromkeys(abilities, True) | {f"{season}_seasonality": True for season in seasons}
            attributes = {} if label is None else {"hover_label": label}
            session.add(
                SensorType(kind=kind, name=name, display_name=display_name, attributes=attributes, **flags)
            )
    session.flush()
    _seed_dummy_market(session)
    rows = session.scalars(select(SensorType.kind)).all()
    return {kind: rows.count(kind) for kind in ("asset", "weather_sensor", "market")}


def _seed_dummy_market(session: Session) -> None:
    market = session.scalar(select(Market).where(Market.name == DUMMY_MARKET))
    if market is None:
        tariff = session.scalars(select(SensorType).where(SensorType.name == "tou_tariff")).one()
        market = Market(
            name=DUMMY_MARKET,
            display_name="Dummy time-of-use market",
            unit="EUR/MWh",
            event_resolution=timedelta(days=365),
            type=tariff,
        )
        session.add(market)
        session.flush()
    source = get_source("Seita", kinds.DEMO_SCRIPT)
    for year in range(2015, server_now().year + 6):
        starts = [datetime(year, 1, 1, tzinfo=UTC)]
        if (datetime(year + 1, 1, 1, tzinfo=UTC) - starts[0]).days == 366:
            starts.append(datetime(year, 12, 31, tzinfo=UTC))  # a year of 365 days leaves this one out
        for start in starts:
            beliefs.store(
                market,
                [DUMMY_PRICE],
                start,
                market.event_resolution,
                source,
                horizon=timedelta(0),
                on_existing="skip",
            )


# -- sensors -------------------------------------------------------------------------------------------


def create_asset(data: Mapping[str, Any]) -> Asset:
    """A new asset from the fields of schemas.AssetSchema; marshmallow.ValidationError names all bad ones."""
    from flexmeasures.schemas import AssetSchema

    asset = Asset(**AssetSchema().load(dict(data)))
    _check_named(asset, data)
    return _added(asset)


def update_asset(asset: Asset, data: Mapping[str, Any]) -> Asset:
    """Change some fields of an asset; `id` is ignored."""
    from flexmeasures.schemas import AssetSchema

    for name, value in AssetSchema(existing=asset, partial=True).load(dict(data), partial=True).items():
        setattr(asset, name, value)
    _check_named(asset, data)
    db.session.flush()
    return asset


def _check_named(asset: Asset, data: Mapping[str, Any]) -> None:
    """marshmallow.ValidationError for wishes and regressors that name a sensor which the asset's owner may not read."""
    from marshmallow import ValidationError

    attributes = dict(asset.attributes or {})
    with db.session.no_autoflush:
        owner = db.session.get(User, asset.owner_id) if asset.owner_id is not None else None
        market = db.session.get(Market, asset.market_id) if asset.market_id is not None else None
        concerned = {ATTRIBUTE, "owner_id", "owner", "market_id", "market"} & data.keys()
        try:
            check_wishes((attributes.get(ATTRIBUTE) or {}) if concerned else {}, owner, market)
        except InputError as error:
            raise ValidationError({ATTRIBUTE: {str(error.field): [str(error)]}}) from None
        if REGRESSORS in data:
            try:
                attributes[REGRESSORS] = check_choice(attributes[REGRESSORS], owner, asset)
            except InputError as error:
                raise ValidationError({REGRESSORS: [str(error)]}) from None
            asset.attributes = attributes


def create_market(data: Mapping[str, Any]) -> Market:
    """A new market from the fields of schemas.MarketSchema."""
    from flexmeasures.schemas import MarketSchema

    return _added(Market(**MarketSchema().load(dict(data))))


def create_weather_sensor(data: Mapping[str, Any]) -> WeatherSensor:
    """A new weather sensor from the fields of schemas.WeatherSensorSchema."""
    from flexmeasures.schemas import WeatherSensorSchema

    return _added(WeatherSensor(**WeatherSensorSchema().load(dict(data))))


def _added(sensor: AnySensor) -> AnySensor:
    sensor.display_name = sensor.display_name or humanised(sensor.name)
    db.session.add(sensor)
    db.session.flush()
    return sensor


def humanised(name: str) -> str:
    """A name for people: underscores as spaces, first letter capital."""
    text = name.replace("_", " ").strip()
    return text[:1].upper() + text[1:]
