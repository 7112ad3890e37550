"""The tables of beliefs and of their quantiles. Only flexmeasures.beliefs touches them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, PrimaryKeyConstraint, Table

from flexmeasures.db import Base, UtcTime

# The key's order is the order of every query: newest belief (smallest horizon) per event of a sensor in a
# window. No foreign keys and no other index: they cost four times in storing. Horizon: event end minus
# belief time, in milliseconds. The columns' own order leaves no gaps between them on PostgreSQL.
belief = Table(
    "belief",
    Base.metadata,
    Column("sensor_id", Integer, nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("event_start", UtcTime, nullable=False),
    Column("horizon", BigInteger, nullable=False),
    Column("value", Float(53), nullable=False),
    PrimaryKeyConstraint("sensor_id", "event_start", "horizon", "source_id"),
    sqlite_with_rowid=False,
)

# What a forecast says of its uncertainty: below `value` the outcome stays with `probability`. The key is that of
# the belief it belongs to, and the probability.
belief_quantile = Table(
    "belief_quantile",
    Base.metadata,
    Column("sensor_id", Integer, nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("event_start", UtcTime, nullable=False),
    Column("horizon", BigInteger, nullable=False),
    Column("probability", Float(53), nullable=False),
    Column("value", Float(53), nullable=False),
    PrimaryKeyConstraint("sensor_id", "event_start", "horizon", "source_id", "probability"),
    sqlite_with_rowid=False,
)
