"""Sensors: anything with an id, a unit and one event resolution. Assets, markets and weather sensors are kinds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flexmeasures.db import Base
from flexmeasures.models.users import User

_WEATHER = text("kind = 'weather_sensor'")
_DISPLAYED = text("kind IN ('asset', 'market')")

PRICE_UNIT = r"[A-Z]{3}/[Mk]Wh"  # a currency by its ISO 4217 code, per MWh or kWh


class SensorType(Base):
    """What a sensor is: battery, solar, temperature, day_ahead ... and how such things behave."""

    __tablename__ = "sensor_type"
    __table_args__ = (UniqueConstraint("kind", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(80))
    display_name: Mapped[str] = mapped_column(String(80))
    is_consumer: Mapped[bool] = mapped_column(default=False)
    is_producer: Mapped[bool] = mapped_column(default=False)
    can_curtail: Mapped[bool] = mapped_column(default=False)
    can_shift: Mapped[bool] = mapped_column(default=False)
    daily_seasonality: Mapped[bool] = mapped_column(default=False)
    weekly_seasonality: Mapped[bool] = mapped_column(default=False)
    yearly_seasonality: Mapped[bool] = mapped_column(default=False)
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    @property
    def seasonality(self) -> frozenset[str]:
        """Which of "daily", "weekly" and "yearly" the values of such sensors show."""
        periods = ("daily", "weekly", "yearly")
        return frozenset(period for period in periods if getattr(self, f"{period}_seasonality"))


class Sensor(Base):
    """One sensor. The ids of all kinds are one sequence, and no id is ever given out twice."""

    __tablename__ = "sensor"
    __table_args__ = (
        UniqueConstraint("kind", "name"),
        Index(
            "uq_sensor_display_name",
            "kind",
            "display_name",
            unique=True,
            sqlite_where=_DISPLAYED,
            postgresql_where=_DISPLAYED,
        ),
        Index(
            "uq_sensor_weather_place",
            "type_id",
            "latitude",
            "longitude",
            unique=True,
            sqlite_where=_WEATHER,
            postgresql_where=_WEATHER,
        ),
        {"sqlite_autoincrement": True},
    )
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "plain"}

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(255))
    display_name: Mapped[str] = mapped_column(String(255), default="")
    unit: Mapped[str] = mapped_column(String(80), default="")
    timezone: Mapped[str] = mapped_column(String(80), default="UTC")
    event_resolution: Mapped[timedelta]
    type_id: Mapped[int | None] = mapped_column(ForeignKey("sensor_type.id"))
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    # Of assets only.
    market_id: Mapped[int | None] = mapped_column(ForeignKey("sensor.id", ondelete="SET NULL"))
    capacity_in_mw: Mapped[float | None]
    min_soc_in_mwh: Mapped[float | None]
    max_soc_in_mwh: Mapped[float | None]
    soc_in_mwh: Mapped[float | None]
    soc_datetime: Mapped[datetime | None]
    soc_udi_event_id: Mapped[int | None]

    type: Mapped[SensorType | None] = relationship(lazy="joined")
    owner: Mapped[User | None] = relationship(back_populates="sensors")

    @property
    def type_name(self) -> str:
        """Name of the sensor's type, "" for none."""
        return "" if self.type is None else self.type.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} (ID:{self.id})>"


class Asset(Sensor):
    """A device or site part whose power is measured, forecast and perhaps planned (MW, consumption positive)."""

    __mapper_args__ = {"polymorphic_identity": "asset"}

    market: Mapped[Market | None] = relationship(remote_side="Sensor.id", foreign_keys="Sensor.market_id")


class Market(Sensor):
    """Prices per energy, in the market's unit."""

    __mapper_args__ = {"polymorphic_identity": "market"}


class Site(Sensor):
    """Assets of one owner behind one grid connection; attributes: as flexmeasures.sites says."""

    __mapper_args__ = {"polymorphic_identity": "site"}


class WeatherSensor(Sensor):
    """Measured or forecast weather at a place."""

    __mapper_args__ = {"polymorphic_identity": "weather_sensor"}
