"""Users, assets, markets, weather sensors: made, refused with all reasons, deleted with what hangs on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from marshmallow import ValidationError
from sqlalchemy import func, select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sensors, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models import Market, Sensor, SensorType, Source, User, belief
from flexmeasures_master_data import asset_schema, geo

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def asset_data(in_app, prosumer):
    market = db.session.scalars(select(Market)).one()
    return {
        "name": "Test battery",
        "asset_type": "battery",
        "unit": "kW",
        "owner": prosumer.id,
        "market": market.id,
        "event_resolution": 5,
        "capacity_in_mw": 4.2,
        "latitude": 40,
        "longitude": 170.3,
        "max_soc_in_mwh": 5,
        "min_soc_in_mwh": 0,
    }


def create(data):
    with writing():
        return master_data.create_asset(data)


@pytest.mark.contract("21.6", "21.5")
def test_the_standard_structure_can_be_seeded_twice(in_app):
    with writing() as session:
        before = (session.scalar(select(func.count()).select_from(belief)), master_data.seed(session))
        assert (session.scalar(select(func.count()).select_from(belief)), master_data.seed(session)) == before
        assert before[1] == {"asset": 6, "weather_sensor": 3, "market": 2}


@pytest.mark.contract("21.1", "21.2", "21.3")
def test_types_have_the_abilities_and_seasons_of_the_contract(in_app):
    solar = db.session.scalars(select(SensorType).where(SensorType.name == "solar")).one()
    assert (solar.is_producer, solar.is_consumer, solar.seasonality) == (True, False, {"daily", "yearly"})
    evse = db.session.scalars(select(SensorType).where(SensorType.name == "one-way_evse")).one()
    assert (evse.is_producer, evse.is_consumer, evse.can_shift) == (False, True, True)


def test_an_asset_is_made_from_the_documented_example(asset_data):
    asset = create(asset_data)
    dumped = asset_schema().dump_asset(asset)
    assert dumped["event_resolution"] == 5
    assert dumped["owner"] == dumped["owner_id"] == asset_data["owner"]
    assert dumped["asset_type"] == dumped["asset_type_name"] == "battery"
    assert dumped["display_name"] == "Test battery"


def test_both_spellings_are_taken(asset_data):
    for short, long in (("asset_type", "asset_type_name"), ("owner", "owner_id"), ("market", "market_id")):
        asset_data[long] = asset_data.pop(short)
    assert create(asset_data).type_name == "battery"


def test_all_errors_are_told_together_under_the_names_that_were_sent(asset_data):
    bad = asset_data | {
        "asset_type": "spaceship",
        "owner": 9999,
        "capacity_in_mw": 0,
        "latitude": 91,
        "min_soc_in_mwh": -1,
        "colour": "red",
        "event_resolution": "soon",
    }
    del bad["market"]
    with pytest.raises(ValidationError) as caught:
        create(bad)
    assert set(caught.value.messages) == {
        "asset_type",
        "owner",
        "market",
        "capacity_in_mw",
        "latitude",
        "min_soc_in_mwh",
        "colour",
        "event_resolution",
    }
    assert "battery" in caught.value.messages["asset_type"][0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "x", True, None, [1]])
def test_a_capacity_that_is_no_finite_number_is_refused(asset_data, value):
    with pytest.raises(ValidationError) as caught:
        create(asset_data | {"capacity_in_mw": value})
    assert set(caught.value.messages) == {"capacity_in_mw"}


@pytest.mark.parametrize("field", ["name", "display_name", "unit"])
@pytest.mark.parametrize("text", ["a\0bcd", "two\nlines", "\x1b[31mred"])
def test_control_characters_are_refused(asset_data, field, text):
    with pytest.raises(ValidationError) as refusal:
        create(asset_data | {field: text})
    assert refusal.value.messages == {field: ["Must not hold control characters."]}


@pytest.mark.parametrize("name", [" ", " (MW)", "_ "])
def test_a_name_of_nothing_visible_is_empty(asset_data, name):
    with pytest.raises(ValidationError) as refusal:
        create(asset_data | {"name": name})
    assert refusal.value.messages == {"name": ["Must not be empty."]}


def test_a_time_too_far_away_is_refused(asset_data):
    with pytest.raises(ValidationError, match="the years 1900 to 2200"):
        create(asset_data | {"soc_datetime": "9999-12-31T23:00:00Z"})


def test_the_maximum_may_not_be_below_the_minimum(asset_data):
    with pytest.raises(ValidationError) as caught:
        create(asset_data | {"min_soc_in_mwh": 6})
    assert set(caught.value.messages) == {"max_soc_in_mwh"}
    asset = create(asset_data)
    with pytest.raises(ValidationError), writing():
        master_data.update_asset(asset, {"min_soc_in_mwh": 6})


def test_a_name_is_given_once_and_an_asset_may_keep_its_own(asset_data):
    asset = create(asset_data)
    with pytest.raises(ValidationError, match="already exists"):
        create(asset_data)
    with writing():
        master_data.update_asset(asset, {"name": "Test battery", "latitude": 11.1, "id": 77})
    assert (asset.latitude, asset.id != 77) == (11.1, True)


@pytest.mark.contract("18.3", "27.19")
def test_only_prosumers_and_admins_own_assets(asset_data, make_user, admin):
    supplier = make_user("supplier", "Supplier")
    with pytest.raises(ValidationError, match="Prosumer"):
        create(asset_data | {"owner": supplier.id})
    assert create(asset_data | {"owner": admin.id}).owner_id == admin.id


def test_ids_are_one_sequence_and_are_never_given_out_twice(asset_data):
    first = create(asset_data)
    market_ids = set(db.session.scalars(select(Market.id)))
    assert first.id not in market_ids
    with writing():
        sensors.delete_sensor(first)
    assert create(asset_data).id > first.id


@pytest.mark.contract("21.9")
def test_markets_and_weather_sensors_are_named_in_lower_case_without_spaces(in_app):
    with writing():
        market = master_data.create_market(
            {"name": "EPEX DA", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 60}
        )
        sensor = master_data.create_weather_sensor(
            {
                "name": "My rooftop thermometer",
                "weather_sensor_type_name": "temperature",
                "unit": "°C",
                "event_resolution": 15,
                "latitude": 33,
                "longitude": 2.4,
            }
        )
    assert (market.name, market.display_name, sensor.name) == ("epex_da", "Epex da", "my_rooftop_thermometer")


@pytest.mark.contract("21.9")
def test_one_place_has_one_weather_sensor_of_a_type(in_app):
    data = {
        "name": "a",
        "weather_sensor_type_name": "temperature",
        "unit": "°C",
        "event_resolution": 15,
        "latitude": 33,
        "longitude": 2.4,
    }
    with writing():
        master_data.create_weather_sensor(data)
    with pytest.raises(ValidationError, match="at that place"), writing():
        master_data.create_weather_sensor(data | {"name": "b"})


def test_the_nearest_weather_sensor_is_found_across_the_date_line(in_app):
    with writing():
        for name, longitude in (("west", -179.9), ("east", 170.0)):
            master_data.create_weather_sensor(
                {
                    "name": name,
                    "weather_sensor_type_name": "wind_speed",
                    "unit": "m/s",
                    "event_resolution": 60,
                    "latitude": 0,
                    "longitude": longitude,
                }
            )
    ((sensor, distance),) = geo.nearest_weather_sensors("wind_speed", 0, 179.9)
    assert sensor.name == "west"
    assert distance == pytest.approx(0.2 * 111.19, rel=1e-3)
    assert geo.nearest_weather_sensors("radiation", 0, 0) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"username": " "}, "username"),
        ({"timezone_name": "Europe/Nowhere"}, "timezone"),
        ({"email": "prosumer@example.com"}, "email"),
        ({"username": "prosumer"}, "username"),
    ],
)
def test_a_bad_user_is_refused_naming_the_field(in_app, prosumer, change, field):
    good = {"username": "new", "email": "new@example.com", "password": "secret-enough"}
    with pytest.raises(InputError) as caught, writing():
        auth.create_user(**(good | change))
    assert caught.value.field == field


@pytest.mark.contract("21.7")
def test_roles_come_into_being_and_are_shared(make_user):
    one, two = make_user("one", "ESCo", "Prosumer"), make_user("two", "ESCo")
    assert one.role_names == {"ESCo", "Prosumer"}
    assert two.roles[0].id in {role.id for role in one.roles}


@pytest.mark.contract("21.11", "D9")
def test_deleting_a_user_takes_assets_and_beliefs_and_leaves_the_source(asset_data, prosumer):
    asset = create(asset_data)
    other = db.session.scalars(select(Market)).one()
    with writing():
        source = sources.source_of(prosumer)
        beliefs.store(asset, np.arange(3), START, timedelta(minutes=5), source, horizon=timedelta(0))
        beliefs.store(other, [1], START, timedelta(days=365), source, horizon=timedelta(0))
    with writing() as session:
        removed = auth.delete_user(session.get(User, prosumer.id))
    assert removed == 3
    assert db.session.scalar(select(func.count()).where(Sensor.owner_id == prosumer.id)) == 0
    assert db.session.scalar(select(Source.user_id).where(Source.id == source.id)) is None
    assert db.session.scalar(select(func.count()).where(belief.c.source_id == source.id)) == 1


def test_deleting_a_sensor_takes_only_its_own_beliefs(asset_data):
    one, two = create(asset_data), create(asset_data | {"name": "Another"})
    with writing():
        source = sources.get_source("script", "script")
        for asset in (one, two):
            beliefs.store(asset, [1, 2], START, timedelta(minutes=5), source, horizon=timedelta(0))
        assert sensors.delete_sensor(one) == 2
    assert db.session.scalars(
        select(belief.c.sensor_id).where(belief.c.source_id == source.id)
    ).unique().all() == [two.id]
