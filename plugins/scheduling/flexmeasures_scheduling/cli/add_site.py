"""`flexmeasures add site`: assets behind one grid connection."""

from __future__ import annotations

from typing import Any

import click

from flexmeasures.cli import find_sensor, read_pair, with_app


@click.command("site")
@click.option("--name", required=True, help="Name, which no other site has.")
@click.option("--owner-id", required=True, type=int, help="Id of the user that owns the assets.")
@click.option(
    "--asset-id", "assets", required=True, type=int, multiple=True, help="Flexible asset; repeat it."
)
@click.option(
    "--inflexible-id", "others", type=int, multiple=True, help="Asset that is not planned; repeat it."
)
@click.option("--consumption-limit-in-mw", required=True, type=float, help="Most that the sum may consume.")
@click.option("--production-limit-in-mw", required=True, type=float, help="Most that the sum may produce.")
@click.argument("wishes", nargs=-1, metavar="[KEY=VALUE]...")
@with_app
def add_site(
    name: str,
    owner_id: int,
    assets: tuple[int, ...],
    others: tuple[int, ...],
    wishes: tuple[str, ...],
    **limits: Any,
) -> None:
    """Add a site: assets that are planned together, so that their sum keeps to the limits of their connection.

    What it asks of all its schedules follows, such as peak_price_per_mw=120 or production_price_per_mwh=30, both of
    its net power.
    """
    from flexmeasures.db import db, writing
    from flexmeasures.errors import NotFound
    from flexmeasures.models import User
    from flexmeasures_scheduling import create_site

    owner = db.session.get(User, owner_id)
    if owner is None:
        raise NotFound(f"There is no user with id {owner_id}.", "--owner-id", "the id of a user")
    found = [find_sensor(each, None, option="--asset") for each in assets]
    rest = [find_sensor(each, None, option="--inflexible") for each in others]
    asked = dict(read_pair(wish) for wish in wishes)
    with writing():
        site = create_site(name, owner, found, inflexible=rest, flexibility=asked, **limits)
    click.echo(
        f"Added site {site.name} (ID:{site.id}) with {len(found)} flexible and {len(rest)} other assets."
    )
