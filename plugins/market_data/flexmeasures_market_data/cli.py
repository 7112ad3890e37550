"""`flexmeasures add prices`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from flexmeasures.cli import find_sensor, with_app

if TYPE_CHECKING:
    from flexmeasures_market_data.base import ZoneForecast


@click.command("prices")
@click.option("--zone", required=True, help="Bidding zone, such as NL or DE-LU.")
@click.option("--from-date", required=True, type=click.DateTime(["%Y-%m-%d"]), help="First day of delivery.")
@click.option(
    "--to-date", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Last day of delivery, included."
)
@click.option(
    "--market-id", type=int, help="Id of the market [default: day_ahead_<zone>, made where it is missing]."
)
@click.option(
    "--provider", help="Name of the provider [default: FLEXMEASURES_PRICE_PROVIDER, else the first]."
)
@click.option(
    "--with-forecasts",
    is_flag=True,
    help="Load, wind and solar power expected of the zone, too; they explain its prices to forecasters.",
)
@with_app
def add_prices(
    zone: str,
    from_date: datetime,
    to_date: datetime,
    market_id: int | None,
    provider: str | None,
    with_forecasts: bool,
) -> None:
    """Add the day-ahead prices of a bidding zone. Days are those of the auction (Europe/Brussels)."""
    from datetime import timedelta

    from flexmeasures.db import db, writing
    from flexmeasures.errors import InputError, NotFound
    from flexmeasures.models import Market
    from flexmeasures_market_data.importing import market_of, store
    from flexmeasures_market_data.job import window
    from flexmeasures_market_data.providers import PROVIDERS
    from flexmeasures_market_data.zone_forecasts import store_forecasts

    if to_date < from_date:
        raise InputError("--to-date is before --from-date.", "--to-date", f"{from_date:%Y-%m-%d} or later")
    asked = PROVIDERS.named(provider)
    market = None if market_id is None else find_sensor(market_id, None, option="--market")
    if market is not None and not isinstance(market, Market):
        raise InputError(f"Sensor {market_id} is no market.", "--market-id", "the id of a market")
    start, end = window(from_date.date(), to_date.date() + timedelta(days=1))
    db.session.commit()
    found = asked.day_ahead_prices(zone, start, end)
    expected = asked.zone_forecasts(zone, start, end) if with_forecasts else ()
    if not found:
        text = f"{asked.name} knows no prices of {zone} from {from_date:%Y-%m-%d} to {to_date:%Y-%m-%d}."
        raise NotFound(text, "--zone", "a zone and days that have prices; those of tomorrow are out by 13:00")
    with writing() as session:
        market = market or market_of(session, zone, found)
        count = store(market, asked, found)
        more = store_forecasts(session, market, zone, asked, expected)
    if with_forecasts:
        click.echo(f"{more} new values of what was expected of {zone}: {_names(expected)}.")
    click.echo(f"{count} new prices of {zone} in market {market.name} (ID:{market.id}), from {asked.name}.")


def _names(expected: Sequence[ZoneForecast]) -> str:
    """What there is, for people."""
    from flexmeasures_market_data.base import QUANTITIES

    return ", ".join(dict.fromkeys(QUANTITIES[each.quantity][0] for each in expected)) or "nothing"
