"""Assets with measurements, forecasts, a schedule and prices around a fixed now."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures import testing
from flexmeasures.timing import clock

NOW = datetime(2026, 3, 4, 12, 7, tzinfo=UTC)
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
START, END = datetime(2026, 3, 4, 6, tzinfo=UTC), datetime(2026, 3, 5, 6, tzinfo=UTC)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Of the hours from START on.
PRICES = np.tile([10.0, 90.0], 6)
MakeAsset = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    if CHROMIUM is None:
        testing.cannot_test_on("chromium", "neither chromium nor google-chrome is installed")
    return str(CHROMIUM)


@pytest.fixture(autouse=True)
def now() -> Iterator[datetime]:
    """The domain's clock stands still."""
    with clock(NOW):
        yield NOW


def new_asset(owner: Any, name: str, type_name: str = "battery", **more: Any) -> Any:
    """An asset of 2 MW with slots of 15 minutes; inside an app context."""
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing
    from flexmeasures.models import Market

    with writing() as session:
        fields = {
            "name": name,
            "asset_type_name": type_name,
            "capacity_in_mw": 2,
            "unit": "MW",
            "event_resolution": 15,
            "latitude": 52.1,
            "longitude": 4.9,
            "owner_id": owner.id,
            "market_id": session.scalar(select(Market.id).order_by(Market.id)),
        }
        return master_data.create_asset(fields | more)


@pytest.fixture
def make_asset(app: Any) -> MakeAsset:
    """`make_asset(owner, "name", "solar")` adds an asset."""

    def make(owner: Any, name: str, type_name: str = "battery", **more: Any) -> Any:
        with app.app_context():
            return new_asset(owner, name, type_name, **more)

    return make


def tell(
    sensor: Any, values: Any, start: datetime, kind: str = "measured", step: timedelta = QUARTER
) -> None:
    """Store values as measured, forecast (6 h ahead) or scheduled; inside an app context."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    with writing():
        if kind == "measured":
            source, known = sources.get_source("meter", "script"), {"horizon": timedelta(0)}
        elif kind == "forecast":
            source, known = (
                sources.get_source("Seita", "forecasting script", "m", "1"),
                {"horizon": 6 * HOUR},
            )
        else:
            source = sources.get_source("Seita", "scheduling script", "s", "1")
            known = {"belief_time": start}  # type: ignore[dict-item]
        beliefs.store(sensor, values, start, step, source, **known)  # type: ignore[arg-type]


@pytest.fixture
def store(app: Any) -> Callable[..., None]:
    """`store(sensor, values, start, kind)` stores what the charts show."""

    def told(*arguments: Any, **more: Any) -> None:
        with app.app_context():
            tell(*arguments, **more)

    return told


@pytest.fixture
def battery(make_asset: MakeAsset, store: Any, prosumer: Any) -> Any:
    """A battery of the prosumer with a measured morning (with a gap), a forecast and a schedule."""
    asset = make_asset(prosumer, "Cellar battery", "battery", max_soc_in_mwh=4, min_soc_in_mwh=0)
    measured = np.linspace(0.5, -1.5, 24)
    measured[8:12] = np.nan
    store(asset, measured, START)
    store(asset, np.full(96, 0.25), START, "forecast")
    store(asset, np.repeat([1.0, -1.0], 48), START, "schedule")
    return asset


def plan(asset_id: int, targets: list[dict[str, Any]] | None = None, **asked: Any) -> None:
    """Plan an asset of 1 MWh over 12 hours from START on; inside an app context."""
    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset
    from flexmeasures_algorithms import choose

    asset = db.session.get_one(Asset, asset_id)
    arguments = {"soc_in_mwh": 1.0, "targets": targets or [], "flexibility": asked}
    made = scheduling.solve_for_job(asset, choose("scheduler", asset), arguments, START, 12 * HOUR)
    with writing():
        scheduling.save_schedule(made)


@pytest.fixture
def planned(app: Any, battery: Any) -> int:
    """The id of the battery, which is planned on a market of its own."""
    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    fields = {"name": "hourly", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 60}
    with app.app_context():
        with writing() as session:
            market = master_data.create_market(fields | {"display_name": "Hourly market"})
            session.get_one(Asset, battery.id).market_id = market.id
        tell(market, PRICES, START, step=HOUR)
        plan(battery.id, cost_per_mwh_cycled=2.0)
    return int(battery.id)
