"""What tests of files share: stored values, and sensors of prices and weather."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def stored(app: Any) -> Callable[[Any], dict[datetime, float]]:
    """All stored values of a sensor by the start of their event, as the table holds them."""

    def read(sensor: Any) -> dict[datetime, float]:
        from sqlalchemy import select

        from flexmeasures.db import db
        from flexmeasures.models.beliefs import belief

        query = select(belief.c.event_start, belief.c.value).where(belief.c.sensor_id == sensor.id)
        with app.app_context():
            return {start.astimezone(UTC): value for start, value in db.session.execute(query)}

    return read


@pytest.fixture
def prices(app: Any) -> Any:
    """A market in EUR/MWh with slots of 15 minutes."""
    from sqlalchemy import select

    from flexmeasures.db import writing
    from flexmeasures.models import Market, SensorType

    with app.app_context(), writing() as session:
        kind = session.scalar(select(SensorType).where(SensorType.kind == "market"))
        quarter = timedelta(minutes=15)
        market = Market(name="file_prices", unit="EUR/MWh", event_resolution=quarter, type=kind)
        session.add(market)
        session.flush()
        session.expunge_all()
        return market


@pytest.fixture
def radiation(app: Any) -> Any:
    """A weather sensor of radiation with slots of an hour."""
    from sqlalchemy import select

    from flexmeasures.db import writing
    from flexmeasures.models import SensorType, WeatherSensor

    with app.app_context(), writing() as session:
        kind = session.scalar(select(SensorType).where(SensorType.name == "radiation"))
        place = {"latitude": 52, "longitude": 5, "event_resolution": timedelta(hours=1)}
        sensor = WeatherSensor(name="roof", unit="kW/m²", type=kind, **place)
        session.add(sensor)
        session.flush()
        session.expunge_all()
        return sensor


@pytest.fixture
def add(run: Any, tmp_path: Path) -> Callable[..., Any]:
    """`add(sensor, content, *words)` imports a file with that content and gives the result."""

    def invoke(sensor: Any, content: str | bytes, *words: object, name: str = "file.csv") -> Any:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        result = run("add", "beliefs", path, "--sensor-id", sensor.id, *words)
        assert "Traceback" not in result.output
        return result

    return invoke


HERE = "Europe/Amsterdam"


WORDS = ("--source", "meter", "--sign", "consumption-positive")


QUARTER = timedelta(minutes=15)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def series(first: datetime, step: timedelta, values: list[float]) -> dict[datetime, float]:
    return {first + k * step: value for k, value in enumerate(values)}


@pytest.fixture
def daily(app: Any, battery: Any) -> Any:
    """A sensor of local days in Amsterdam."""
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    with app.app_context(), writing() as session:
        asset = session.get(Asset, battery.id)
        assert asset is not None
        asset.event_resolution = timedelta(days=1)
        asset.timezone = HERE
        return asset
