"""Posting prices and weather in v2.0, on a real app and database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World

THERMOMETER = "ea1.2018-06.localhost:temperature:33.4843866:126.477859"


def status(response: Any) -> str:
    return str(response.json["status"])


# -- prices --


DAY_OF_PRICES = {
    "values": [50.0 + hour for hour in range(24)],
    "start": "2021-01-01T00:00:00+01:00",
    "duration": "PT24H",
    "prior": "2020-12-31T13:00:00+01:00",
    "unit": "EUR/MWh",
}


@pytest.mark.contract("14.7", "27.7")
def test_the_documented_prices_are_stored(world: World) -> None:
    api = world.clients["supplier"]
    posted = api.post("postPriceData", market="ea1.2018-06.localhost:EPEX_DA", **DAY_OF_PRICES)
    assert posted.json["type"] == "PostPriceDataResponse"
    assert (posted.status_code, world.count("epex_da")) == (200, 24)
    again = api.post("postPriceData", market="ea1.2018-06.localhost:epex_da", **DAY_OF_PRICES)
    assert status(again) == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED"


def test_price_posts_are_refused_with_the_documented_codes(world: World, api: Api) -> None:
    market = "ea1.2018-06.localhost:epex_da"
    unknown = api.post("postPriceData", **DAY_OF_PRICES, market="ea1.2018-06.localhost:nowhere")
    assert status(unknown) == "UNRECOGNIZED_MARKET"
    other_unit = api.post("postPriceData", **DAY_OF_PRICES | {"unit": "KRW/kWh"}, market=market)
    assert status(other_unit) == "INVALID_UNIT"
    assert "EUR/MWh" in other_unit.json["message"]
    assert "Epex da" in other_unit.json["message"]
    assert (
        status(api.post("postPriceData", **DAY_OF_PRICES | {"unit": "MW"}, market=market)) == "INVALID_UNIT"
    )
    assert status(api.post("postPriceData", **DAY_OF_PRICES)) == "UNRECOGNIZED_CONNECTION_GROUP"
    finer = DAY_OF_PRICES | {"values": [1] * 96}
    assert status(api.post("postPriceData", **finer, market=market)) == "INVALID_RESOLUTION"
    assert world.count("epex_da") == 0


@pytest.mark.contract("6.4")
def test_the_dummy_market_can_be_addressed(world: World, api: Api) -> None:
    year = {"start": "2035-01-01T00:00:00Z", "duration": "P365D", "unit": "EUR/MWh", "value": 60}
    assert api.post("postPriceData", market="ea1.2018-06.localhost:dummy-tou", **year).status_code == 200


# -- weather --

WEATHER = {
    "values": [20.04, 20.23, 20.41, 20.51, 20.55, 20.57],
    "start": "2021-01-01T15:00:00+09:00",
    "duration": "PT1H30M",
    "prior": "2021-01-01T12:00:00+09:00",
    "unit": "°C",
}


@pytest.mark.contract("14.8")
def test_the_documented_weather_is_stored_with_or_without_timing(world: World, api: Api) -> None:
    group = {"sensor": THERMOMETER, "values": WEATHER["values"]}
    keys = {key: value for key, value in WEATHER.items() if key != "values"}
    assert api.post("postWeatherData", **keys, groups=[group]).status_code == 200
    del keys["prior"]
    assert api.post("postWeatherData", **keys, groups=[group]).status_code == 200
    assert world.count("thermometer") == 12


@pytest.mark.contract("14.8", "8.3", "27.26")
def test_weather_posts_are_refused_with_the_documented_codes(world: World, api: Api) -> None:
    elsewhere = api.post("postWeatherData", **WEATHER, sensor="ea1.2018-06.localhost:temperature:33:126")
    assert status(elsewhere) == "UNRECOGNIZED_SENSOR"
    assert "33.4843866" in elsewhere.json["message"]
    none = api.post(
        "postWeatherData", **WEATHER | {"unit": "m/s"}, sensor="ea1.2018-06.localhost:wind_speed:33:126"
    )
    assert status(none) == "UNRECOGNIZED_SENSOR"
    assert "none" in none.json["message"]
    assert (
        status(api.post("postWeatherData", **WEATHER | {"unit": "K"}, sensor=THERMOMETER)) == "INVALID_UNIT"
    )
    snow = "ea1.2018-06.localhost:snow:33:126"
    assert status(api.post("postWeatherData", **WEATHER, sensor=snow)) == "UNRECOGNIZED_SENSOR"
    assert status(api.post("postWeatherData", **WEATHER | {"unit": "cm"}, sensor=snow)) == "INVALID_UNIT"
    assert world.count("thermometer") == 0


@pytest.mark.contract("14.8", "24.1")
def test_play_mode_makes_the_weather_sensor_with_the_posted_resolution_and_unit(
    world: World, api: Api
) -> None:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import WeatherSensor

    world.app.config["FLEXMEASURES_MODE"] = "play"
    keys = WEATHER | {"unit": "m/s", "sensor": "ea1.2018-06.localhost:wind_speed:33:-126.5"}
    assert api.post("postWeatherData", **keys).status_code == 200
    with world.app.app_context():
        made = db.session.scalars(select(WeatherSensor).where(WeatherSensor.latitude == 33)).one()
        assert (made.unit, made.event_resolution.total_seconds()) == ("m/s", 900)
    assert api.post("postWeatherData", **keys).status_code == 200


@pytest.mark.parametrize("unit", ["USD/MWh", "GBP/kWh"])
def test_prices_may_be_of_any_currency(world: World, unit: str) -> None:
    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing

    with world.app.app_context(), writing():
        fields = {
            "name": "caiso",
            "display_name": "CAISO",
            "market_type_name": "day_ahead",
            "event_resolution": 60,
        }
        master_data.create_market(fields | {"unit": unit})
    api = world.clients["supplier"]
    keys = {"market": "ea1.2018-06.localhost:caiso", "values": [30.0, 31.0], "horizon": "P1D"}
    keys |= {"start": "2015-01-01T00:00:00Z", "duration": "PT2H"}
    assert api.post("postPriceData", **keys, unit=unit).status_code == 200
    other = api.post("postPriceData", **keys, unit="EUR/MWh")
    assert (other.status_code, other.json["status"]) == (400, "INVALID_UNIT")
    for wrong in ("usd/MWh", "USD/MW", "USD", "USDMWh"):
        refused = api.post("postPriceData", **keys, unit=wrong)
        assert refused.json["status"] == "INVALID_UNIT"
        assert "another currency per MWh or kWh" in refused.json["message"]
