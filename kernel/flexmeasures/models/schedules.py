"""Schedules as they were stored: what getDeviceMessage reads and what explains a plan."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from flexmeasures.db import Base


class StoredSchedule(Base):
    """The schedule that one job made for one asset.

    values, baseline: MW a slot, consumption positive; soc: MWh at the end of each slot; prices: per MWh in
    price_unit's currency as used; costs, baseline_costs: money by component; belief_time: the event's time;
    explanation: as scheduling.told tells it.
    """

    __tablename__ = "schedule"
    __table_args__ = (
        Index("ix_schedule_sensor_id_event_id", "sensor_id", "event_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sensor_id: Mapped[int] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id", ondelete="SET NULL"), index=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    event_id: Mapped[int | None]
    start: Mapped[datetime]
    resolution: Mapped[timedelta]
    belief_time: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(20))
    price_unit: Mapped[str] = mapped_column(String(20))
    values: Mapped[list[float]] = mapped_column(JSON)
    prices: Mapped[list[float]] = mapped_column(JSON)
    soc: Mapped[list[float]] = mapped_column(JSON)
    costs: Mapped[dict[str, float]] = mapped_column(JSON)
    baseline: Mapped[list[float]] = mapped_column(JSON)
    baseline_costs: Mapped[dict[str, float]] = mapped_column(JSON)
    objective: Mapped[float]
    algorithm: Mapped[str] = mapped_column(String(80))
    because: Mapped[str] = mapped_column(String(255))
    explanation: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    warnings: Mapped[list[str]] = mapped_column(JSON, default=list)
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
