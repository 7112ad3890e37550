"""One name for several assets (contract 25.4)."""

from __future__ import annotations

from typing import Any

import pytest

from flexmeasures_master_data import assets_of, plural


@pytest.fixture
def assets(app: Any, prosumer: Any) -> Any:
    """Two charge points with stations of both kinds, a battery at the place of one, panels and a turbine."""
    from sqlalchemy import select

    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing
    from flexmeasures.models import Market

    with app.app_context():
        with writing() as session:
            market = session.scalar(select(Market.id))
            for name, type_name, latitude in (
                ("Station street - left", "one-way_evse", 10),
                ("Station street - right", "two-way_evse", 10),
                ("Harbour", "one-way_evse", 20),
                ("cellar", "battery", 10),
                ("roof", "solar", 10),
                ("hill", "wind", 30),
            ):
                about = {
                    "display_name": name,
                    "asset_type_name": type_name,
                    "latitude": latitude,
                    "unit": "MW",
                }
                about |= {"longitude": 5, "capacity_in_mw": 1, "event_resolution": 15, "market_id": market}
                master_data.create_asset(about | {"name": name.lower(), "owner_id": prosumer.id})
        yield


@pytest.mark.parametrize(
    ("resource", "names"),
    [
        ("cellar", ["cellar"]),
        ("renewables", ["roof", "hill"]),
        ("EVSE", ["station street - left", "station street - right", "harbour"]),
        ("stationary batteries", ["cellar"]),
        ("stationary battery", ["cellar"]),
        ("battery", ["cellar"]),
        ("one-way EVSEs", ["station street - left", "harbour"]),
        ("Station street (Charge Point)", ["station street - left", "station street - right"]),
        ("Harbour (Charge Point)", ["harbour"]),
        ("Nowhere (Charge Point)", []),
        ("day-ahead market", []),
        ("", []),
    ],
)
@pytest.mark.contract("20.1")
def test_a_name_means_an_asset_or_a_group(assets: Any, resource: str, names: list[str]) -> None:
    assert [asset.name for asset in assets_of(resource)] == names


@pytest.mark.parametrize(
    ("one", "several"),
    [("solar panel", "solar panels"), ("stationary battery", "stationary batteries"), ("day", "days")],
)
def test_plurals(one: str, several: str) -> None:
    assert plural(one) == several
