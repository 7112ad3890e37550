"""Whose data are answered, with which sign, to whom, and with which quantiles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.plugins.conftest import Api

if TYPE_CHECKING:
    from tests.plugins.conftest import World

from .messages import OTHER, POWER, SIX, meter, status


@pytest.mark.contract("13.4")
def test_meter_data_show_by_default_ones_own_and_those_of_meter_data_companies(
    world: World, api: Api
) -> None:
    address = world.address("building")
    world.clients["admin"].post("postMeterData", **meter(world, "building", values=OTHER))
    query = POWER | {"connection": address}
    assert api.get("getMeterData", **query).json["values"] == []
    assert api.get("getMeterData", source="admin", **query).json["values"] == OTHER
    assert (
        api.get("getMeterData", sources=f'["MDC", "{world.users["admin"].id}"]', **query).json["values"]
        == OTHER
    )
    assert api.get("getPrognosis", **query).json["values"] == OTHER
    # Forecasts, from an hour after the first event on, are no user's: a source does not limit them.
    assert api.get("getPrognosis", source="MDC", **query).json["values"][:4] == [None] * 4
    mdc = world.clients["mdc_owner"]
    assert mdc.post("postMeterData", **meter(world, "meter")).status_code == 200
    by_admin = world.clients["admin"].get("getMeterData", connection=world.address("meter"), **POWER)
    assert by_admin.json["values"] == SIX


@pytest.mark.contract("13.3", "12.1")
def test_ones_own_source_is_always_added_and_wins_ties(world: World, api: Api) -> None:
    address = world.address("building")
    world.clients["admin"].post("postMeterData", **meter(world, "building", values=OTHER))
    api.post("postMeterData", **meter(world, "building"))
    query = POWER | {"connection": address, "source": str(world.users["admin"].id)}
    assert api.get("getMeterData", **query).json["values"] == SIX
    own = POWER | {"connection": address}
    assert world.clients["admin"].get("getPrognosis", **own).json["values"] == OTHER


@pytest.mark.parametrize(
    "source", ["Unknown", "999999", "0", "-1", "", "mdc", "MDC\0", "99999999999999999999"]
)
@pytest.mark.contract("13.5", "27.29", "27.11", "13.1")
def test_a_source_that_selects_nobody_is_refused(world: World, api: Api, source: str) -> None:
    got = api.get("getMeterData", connection=world.address("building"), source=source, **POWER)
    assert status(got) == "INVALID_SOURCE"


@pytest.mark.contract("12.6", "13.2")
def test_forecasts_and_schedules_are_prognoses_and_never_meter_data(world: World, api: Api) -> None:
    from datetime import UTC, datetime, timedelta

    from flexmeasures import beliefs
    from flexmeasures import sources as the_sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    with world.app.app_context(), writing():
        asset = db.session.get(Asset, world.ids["building"])
        assert asset is not None
        for kind, value in (("forecasting script", 1.0), ("demo script", 2.0)):
            source = the_sources.get_source("Seita", kind)
            horizon = timedelta(hours=1 if kind.startswith("f") else 0)
            start = datetime(2015, 1, 1, tzinfo=UTC)
            beliefs.store(asset, [value] * 6, start, timedelta(minutes=15), source, horizon=horizon)
    query = POWER | {"connection": world.address("building")}
    assert api.get("getPrognosis", **query).json["values"] == [1.0] * 6
    assert api.get("getPrognosis", source="Prosumer", **query).json["values"] == [1.0] * 6
    assert api.get("getMeterData", **query).json["values"] == []


@pytest.mark.contract("9.2")
def test_signs_of_pure_consumers_and_producers_are_checked(world: World, api: Api) -> None:
    for service in ("postMeterData", "postPrognosis"):
        assert status(api.post(service, **meter(world, "evse", values=[-1] * 6))) == "POWER_VALUE_TOO_SMALL"
        assert status(api.post(service, **meter(world, "solar", values=[1] * 6))) == "POWER_VALUE_TOO_BIG"
    assert api.post("postMeterData", **meter(world, "evse", "solar", values=[0] * 6)).status_code == 200
    assert api.post("postPrognosis", **meter(world, "building", values=[-1] * 6)).status_code == 200


@pytest.mark.contract("3.4", "5.4")
def test_missing_and_foreign_assets_are_told_as_documented(world: World, api: Api) -> None:
    missing = {"connection": "ea1.2018-06.localhost:1:999999"}
    keys = POWER | {"values": SIX}
    assert status(api.post("postMeterData", **keys, **missing)) == "UNRECOGNIZED_ASSET"
    assert (
        status(api.post("postMeterData", **meter(world, "building", "foreign")))
        == "UNRECOGNIZED_CONNECTION_GROUP"
    )
    assert status(api.get("getMeterData", **POWER, **missing)) == "UNRECOGNIZED_CONNECTION_GROUP"
    assert status(api.get("getMeterData", **POWER, **missing, resolution="PT1H")) == "UNRECOGNIZED_ASSET"
    foreign = api.get("getPrognosis", **POWER, connection=world.address("foreign"))
    assert status(foreign) == "UNRECOGNIZED_CONNECTION_GROUP"
    market = {"connection": f"ea1.2018-06.localhost:1:{world.ids['epex_da']}"}
    assert status(api.post("postMeterData", **keys, **market)) == "UNRECOGNIZED_ASSET"
    assert world.count("building") == 0
    assert world.clients["admin"].post("postMeterData", **meter(world, "foreign")).status_code == 200


@pytest.fixture
def uncertain(world: World, api: Api) -> dict[str, Any]:
    """Forecasts of the building 6 h ahead, with a band around the first four; and what to ask for them."""
    import numpy as np

    from flexmeasures import beliefs
    from flexmeasures import sources as the_sources
    from flexmeasures.db import db, writing
    from flexmeasures.models import Asset

    start, horizon = datetime(2015, 1, 1, tzinfo=UTC), timedelta(hours=6)
    with world.app.app_context(), writing():
        building = db.session.get(Asset, world.ids["building"])
        assert building is not None
        source = the_sources.get_source("Seita", "forecasting script", "linear-OLS", "2")
        quarter = building.event_resolution
        beliefs.store(building, np.arange(6.0), start, quarter, source, horizon=horizon)
        band = {0.1: np.arange(4.0) - 1, 0.9: np.arange(4.0) + 1}
        beliefs.store_quantiles(building, band, start, source, horizon)
    return POWER | {"connection": world.address("building")}


def test_quantiles_come_with_the_prognosis_they_belong_to(api: Api, uncertain: dict[str, Any]) -> None:
    got = api.get("getPrognosis", quantiles="[0.1, 0.9]", **uncertain)
    assert got.status_code == 200
    assert got.json["values"] == [0, 1, 2, 3, 4, 5]
    assert got.json["quantiles"] == {
        "0.1": [-1, 0, 1, 2, None, None],
        "0.9": [1, 2, 3, 4, None, None],
    }
    assert "quantiles" not in api.get("getPrognosis", **uncertain).json
    alone = api.get("getPrognosis", quantiles="0.5", **uncertain).json
    assert alone["quantiles"] == {"0.5": []}
    earlier = api.get("getPrognosis", quantiles="0.1", horizon="PT7H", **uncertain).json
    assert (earlier["values"], earlier["quantiles"]) == ([], {"0.1": []})


def test_quantiles_of_several_connections_come_in_groups(
    world: World, api: Api, uncertain: dict[str, Any]
) -> None:
    names = [world.address("building"), world.address("evse")]
    query = {key: value for key, value in uncertain.items() if key != "connection"}
    groups = api.get("getPrognosis", connections=names, quantiles="0.9", **query).json["groups"]
    assert [group["connection"] for group in groups] == names
    assert [group["quantiles"]["0.9"] for group in groups] == [[1, 2, 3, 4, None, None], []]


@pytest.mark.parametrize(
    ("keys", "accepted"),
    [
        ({"quantiles": "[0.1, 1]"}, "numbers between 0 and 1"),
        ({"quantiles": "0"}, "numbers between 0 and 1"),
        ({"quantiles": "[0.1]", "resolution": "PT30M"}, "no resolution"),
    ],
)
def test_wrong_quantiles_are_refused_by_name(
    api: Api, uncertain: dict[str, Any], keys: dict[str, str], accepted: str
) -> None:
    refused = api.get("getPrognosis", **keys, **uncertain)
    assert refused.status_code == 422
    assert accepted in str(refused.json["message"]["json"]["quantiles"])
