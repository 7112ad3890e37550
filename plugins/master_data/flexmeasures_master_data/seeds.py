"""Standing rows: types of sensors, the dummy market and its prices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from flexmeasures import beliefs
from flexmeasures.models import sources as kinds
from flexmeasures.models.sensors import Market, SensorType
from flexmeasures.sources import get_source
from flexmeasures.timing import server_now

DUMMY_MARKET = "dummy-tou"


DUMMY_PRICE = 50.0


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
