"""What explains a sensor: weather nearby, what was added, less what was excluded; within the owner's rights."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from marshmallow import ValidationError
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, Job, Market, User
from flexmeasures.models.sources import FORECASTING_SCRIPT
from flexmeasures_forecasting import (
    choose_regressors,
    forecast_past,
    present_problem,
    regressors_of,
    request_forecast,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def make(in_app: Any) -> Callable[..., Asset]:
    def asset(owner: User, name: str, of_type: str = "building", minutes: int = 60) -> Asset:
        with writing():
            fields = {"name": name, "asset_type_name": of_type, "unit": "MW", "owner_id": owner.id}
            fields |= {
                "market_id": db.session.scalars(select(Market.id)).first(),
                "event_resolution": minutes,
            }
            return master_data.create_asset(fields | {"capacity_in_mw": 1, "latitude": 50, "longitude": 5})

    return asset


def weather(kind: str, unit: str, latitude: float = 50.1, minutes: int = 60) -> Any:
    with writing():
        fields = {"name": f"{kind} {latitude} {minutes}", "weather_sensor_type_name": kind, "unit": unit}
        fields |= {"event_resolution": minutes, "latitude": latitude, "longitude": 5}
        return master_data.create_weather_sensor(fields)


def market(name: str, minutes: int = 60) -> Market:
    with writing():
        fields = {"name": name, "display_name": name, "unit": "EUR/MWh", "market_type_name": "day_ahead"}
        return master_data.create_market(fields | {"event_resolution": minutes})


def named(sensor: Any) -> dict[str, int]:
    return {each.type: each.sensor.id for each in regressors_of(sensor)}


def choose(sensor: Any, **chosen: Any) -> None:
    with writing():
        choose_regressors(sensor, chosen)


def test_buildings_are_explained_by_temperature_radiation_and_wind_nearby(make: Any, prosumer: User) -> None:
    house = make(prosumer, "house")
    ids = {kind: weather(kind, unit).id for kind, unit in (("temperature", "°C"), ("radiation", "kW/m²"))}
    assert named(house) == ids
    choose(house, exclude=["radiation"])
    assert named(house) == {"temperature": ids["temperature"]}
    choose(house, exclude=[ids["temperature"]])
    assert named(house) == {"radiation": ids["radiation"]}
    choose(house)
    assert named(house) == ids


def test_any_sensor_may_be_explained_by_others_that_its_owner_may_read(make: Any, prosumer: User) -> None:
    price, load = market("price"), market("load")
    house, far = make(prosumer, "house"), weather("temperature", "°C", 70)
    near = weather("temperature", "°C")
    choose(price, add=[load.id])
    assert named(price) == {"load": load.id}
    choose(house, add=[load.id, far.id])
    assert named(house) == {"temperature": near.id, "load": load.id, f"temperature {far.id}": far.id}


def test_what_cannot_explain_is_refused_and_foreign_is_told_as_unknown(
    make: Any, prosumer: User, make_user: Any
) -> None:
    house, odd = make(prosumer, "house"), market("odd", 45)
    foreign = make(make_user("neighbour", "Prosumer"), "theirs")
    texts = []
    for wanted in (foreign.id, 999_999):
        with pytest.raises(InputError) as refused:
            choose(house, add=[wanted])
        texts.append(str(refused.value).replace(str(wanted), "ID"))
    assert texts[0] == texts[1]
    for chosen, words in (
        ({"add": [house.id]}, "do not fit each other"),
        ({"add": [odd.id]}, "do not fit each other"),
        ({"add": "radiation"}, "a list"),
        ({"exclude": ["pressure"]}, "radiation, temperature, wind_speed"),
        ({"only": [1]}, "add and exclude"),
    ):
        with pytest.raises(InputError, match=words):
            choose(house, **chosen)
    with pytest.raises(ValidationError, match="no sensor that can be used here"), writing():
        master_data.update_asset(house, {"regressors": {"add": [foreign.id]}})


def test_what_the_owner_may_not_read_any_more_is_left_out(make: Any, prosumer: User, make_user: Any) -> None:
    house, pump = make(prosumer, "house"), make(prosumer, "pump")
    choose(house, add=[pump.id])
    neighbour = make_user("neighbour", "Prosumer")
    with writing():
        pump.owner_id = neighbour.id
    db.session.expire_all()
    assert named(house) == {}


@pytest.mark.parametrize(("unit", "stored"), [("kW/m²", 0.5), ("kW/m2", 0.5), ("W/m²", 500.0)])
def test_radiation_is_reckoned_in_watts_whatever_its_unit(
    make: Any, prosumer: User, unit: str, stored: float
) -> None:
    panels, sun = make(prosumer, "panels", "solar"), weather("radiation", unit)
    with writing():
        source = sources.get_source("service", "script")
        beliefs.store(sun, [stored] * 48, START, HOUR, source, horizon=2 * DAY)
        beliefs.store(sun, [stored] * 24, START, HOUR, source, horizon=timedelta(0))
    problem, _ = present_problem(panels, {6 * HOUR: (START + DAY, 24)}, START + DAY)
    (radiation,) = problem.regressors
    assert set(radiation.history.values[~np.isnan(radiation.history.values)]) == {500}
    assert set(radiation.forecasts[6 * HOUR].values[-24:]) == {500}
    # Both ways of asking give the same numbers.
    with writing():
        beliefs.store(panels, [-0.1] * 24, START, HOUR, source, horizon=timedelta(0))
    assert forecast_past(panels, START + DAY - HOUR, START + DAY, [HOUR], forecaster="naive")[0].stored == 1


def test_a_price_is_forecast_by_the_load_that_explains_it(in_app: Any) -> None:
    """A price that follows a load, which nothing in its own past tells."""
    price, load = market("price"), market("load")
    loads = np.random.default_rng(1).uniform(20, 80, 62 * 24)
    with writing():
        source = sources.get_source("exchange", "script")
        beliefs.store(load, loads, START, HOUR, source, horizon=3 * DAY)
        beliefs.store(price, 2 * loads[: 60 * 24], START, HOUR, source, horizon=timedelta(0))
        choose_regressors(price, {"add": [load.id]})
    now = START + 60 * DAY
    in_app.config["FLEXMEASURES_JOBS"] = "inline"
    with writing():
        request_forecast(price, now - DAY, now, [DAY])
    job = db.session.scalars(select(Job).where(Job.sensor_id == price.id)).one()
    assert job.error is None
    assert "load" in " ".join(job.result["notes"]["P1D"])
    found = beliefs.search_one(price, now, now + DAY, source_types=(FORECASTING_SCRIPT,))
    np.testing.assert_allclose(found.values, 2 * loads[60 * 24 : 61 * 24], rtol=0.06)
