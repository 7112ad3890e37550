"""`flexmeasures add`: structure, users, markets, assets, weather sensors, forecasts, beliefs, algorithms."""

from __future__ import annotations

from typing import Any

import click

from flexmeasures.cli import with_app

DEFAULT_MARKET = "dummy-tou"


@click.command("structure")
@with_app
def add_structure() -> None:
    """Initialise asset types, weather sensor types, market types and a dummy market. Safe to run twice."""
    from sqlalchemy import func, select

    from flexmeasures.db import writing
    from flexmeasures.models import Sensor, SensorType
    from flexmeasures.runtime import runtime

    with writing() as session:
        runtime().hook.register_seeds(session=session)
        session.flush()
        types = session.execute(select(SensorType.kind, func.count()).group_by(SensorType.kind)).all()
        markets = session.scalar(select(func.count()).where(Sensor.kind == "market"))
    for kind, count in sorted((str(kind), int(count)) for kind, count in types):
        click.echo(f"{count} {kind.replace('_', ' ')} types")
    click.echo("1 market" if markets == 1 else f"{markets} markets")


@click.command("market")
@click.option("--name", required=True, help="Name; stored in lower case with underscores for spaces.")
@click.option("--market-type-name", required=True, help="Type, such as day_ahead or tou_tariff.")
@click.option("--unit", required=True, help="Unit of prices, such as EUR/MWh.")
@click.option("--event-resolution", required=True, type=int, help="Length of a price's slot in minutes.")
@click.option("--display-name", help="Name for people. By default the name, spelled nicely.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Amsterdam.")
@with_app
def add_market(**fields: Any) -> None:
    """Add a market, to which prices can be posted."""
    import flexmeasures_master_data as master_data

    market = _create(master_data.create_market, fields)
    click.echo(f"Added market {market.name} (ID:{market.id}), prices in {market.unit}.")


@click.command("weather-sensor")
@click.option("--name", required=True, help="Name; stored in lower case with underscores for spaces.")
@click.option("--weather-sensor-type-name", required=True, help="temperature, wind_speed or radiation.")
@click.option("--unit", required=True, help="Unit, such as °C, m/s or kW/m².")
@click.option("--event-resolution", required=True, type=int, help="Length of a value's slot in minutes.")
@click.option("--latitude", required=True, type=float, help="Degrees north, -90 to 90.")
@click.option("--longitude", required=True, type=float, help="Degrees east, -180 to 180.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Amsterdam.")
@with_app
def add_weather_sensor(**fields: Any) -> None:
    """Add a weather sensor."""
    import flexmeasures_master_data as master_data

    sensor = _create(master_data.create_weather_sensor, fields)
    click.echo(f"Added weather sensor {sensor.name} (ID:{sensor.id}), {sensor.type_name} in {sensor.unit}.")


@click.command("asset")
@click.option("--name", required=True, help="Name, which no other asset has.")
@click.option("--asset-type-name", required=True, help="Type, such as battery, solar, wind or building.")
@click.option(
    "--capacity-in-MW", "--capacity-in-mw", "capacity_in_mw", required=True, type=float, help="Largest power."
)
@click.option("--event-resolution", required=True, type=int, help="Length of a value's slot in minutes.")
@click.option("--latitude", required=True, type=float, help="Degrees north, -90 to 90.")
@click.option("--longitude", required=True, type=float, help="Degrees east, -180 to 180.")
@click.option("--owner-id", required=True, type=int, help="Id of the user that owns the asset.")
@click.option("--unit", default="MW", show_default=True, help="Unit of the asset's power.")
@click.option(
    "--market-id", type=int, help=f"Id of the market that it trades on. By default {DEFAULT_MARKET}."
)
@click.option("--timezone", default="UTC", show_default=True, help="IANA name, such as Europe/Amsterdam.")
@click.option("--display-name", help="Name for people. By default the name, spelled nicely.")
@click.option(
    "--min-soc-in-MWh", "--min-soc-in-mwh", "min_soc_in_mwh", type=float, help="Least energy stored."
)
@click.option(
    "--max-soc-in-MWh", "--max-soc-in-mwh", "max_soc_in_mwh", type=float, help="Most energy stored."
)
@with_app
def add_asset(market_id: int | None, **fields: Any) -> None:
    """Add an asset."""
    import flexmeasures_master_data as master_data

    fields["market_id"] = _default_market_id() if market_id is None else market_id
    asset = _create(master_data.create_asset, fields)
    click.echo(f"Added asset {asset.name} (ID:{asset.id}).")
    click.echo(f"Its entity address is {_address(asset)}.")


def _create(create: Any, fields: dict[str, Any]) -> Any:
    """Let a function of flexmeasures.structure create one thing of what the user gave, in a transaction."""
    from flexmeasures.db import writing

    with writing() as session:
        thing = create({name: value for name, value in fields.items() if value is not None})
        session.flush()
    return thing


def _address(asset: Any) -> str:
    """The entity address of an asset, as seen on this machine."""
    from flask import current_app

    from flexmeasures.timing import server_now
    from flexmeasures.utils.entity_address_utils import build_connection

    starts = current_app.config["FLEXMEASURES_HOSTS_AND_AUTH_START"]
    return build_connection("localhost", asset.owner_id, asset.id, starts, server_now())


def _default_market_id() -> int:
    """Id of the dummy market that `add structure` makes."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.errors import NotFound
    from flexmeasures.models import Market

    found = db.session.scalar(select(Market.id).where(Market.name == DEFAULT_MARKET))
    if found is None:
        accepted = "the id of a market, or run `flexmeasures add structure` first"
        raise NotFound(f"There is no market {DEFAULT_MARKET!r} to use.", "--market-id", accepted)
    return found
