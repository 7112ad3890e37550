"""Markets, published prices, tariffs added by the command, and what is paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    pass


HOUR = timedelta(hours=1)


WINTER = datetime(2026, 1, 14, 23, tzinfo=UTC)  # a Thursday in January, local midnight in Amsterdam


Make = Callable[..., Any]


@pytest.fixture
def market(app: Any) -> Make:
    """`market(name, unit, minutes)` makes a market."""
    from sqlalchemy import select

    from flexmeasures.db import writing
    from flexmeasures.models import Market, SensorType

    def make(name: str, unit: str = "EUR/MWh", minutes: int = 60) -> Any:
        with app.app_context(), writing() as session:
            kind = session.scalar(select(SensorType).where(SensorType.name == "day_ahead"))
            step = timedelta(minutes=minutes)
            found = Market(name=name, display_name=name, unit=unit, event_resolution=step, type=kind)
            session.add(found)
            session.flush()
            session.expunge_all()
            return found

    return make


@pytest.fixture
def publish(app: Any) -> Make:
    """`publish(market, start, prices, known)` stores prices as of a provider, known at that time."""

    def store(market: Any, start: datetime, prices: list[float], known: datetime | None = None) -> None:
        from flexmeasures import beliefs, sources
        from flexmeasures.db import writing

        with app.app_context(), writing():
            source = sources.get_source("exchange", "script")
            at = known or start - timedelta(hours=11)
            beliefs.store(
                market, prices, start, market.event_resolution, source, belief_time=at, on_existing="replace"
            )

    return store


@pytest.fixture
def add(run: Any, tmp_path: Path) -> Make:
    """`add(text)` adds the tariff of a TOML text and gives the result."""

    def invoke(text: str) -> Any:
        path = tmp_path / "tariff.toml"
        path.write_text(text, encoding="utf-8")
        return run("add", "tariff", path)

    return invoke


@pytest.fixture
def paid(app: Any) -> Make:
    """`paid(name, start, hours, prior=...)` gives the tariff's hourly prices, rounded to 1e-9."""

    def read(name: str, start: datetime, hours: int, **filters: Any) -> list[float | None]:
        from sqlalchemy import select

        from flexmeasures.beliefs import search_one
        from flexmeasures.db import db
        from flexmeasures.models import Market

        with app.app_context():
            market = db.session.scalars(select(Market).where(Market.name == name)).one()
            found = search_one(market, start, start + hours * HOUR, resolution=HOUR, **filters)
            return [None if value != value else round(float(value), 9) for value in found.values]

    return read


SIMPLE = """
name = "paid"
unit = "EUR/MWh"
timezone = "Europe/Amsterdam"
[[versions]]
from = 2025-01-01
[[versions.parts]]
name = "price"
market = "spot"
[[versions.parts]]
name = "tax"
price = {tax}
"""
