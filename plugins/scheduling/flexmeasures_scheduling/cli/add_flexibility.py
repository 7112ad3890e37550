"""`flexmeasures add flexibility`: what an asset or a site asks of all its schedules."""

from __future__ import annotations

import json

import click

from flexmeasures.cli import find_sensor, read_pair, with_app


@click.command("flexibility")
@click.argument("wishes", nargs=-1, metavar="KEY=VALUE...")
@click.option("--asset-id", required=True, type=int, help="Id of the asset, or of the site.")
@with_app
def add_flexibility(wishes: tuple[str, ...], asset_id: int) -> None:
    """Let an asset, or a site, ask more of its schedules, such as charge_efficiency=0.95; KEY= takes a wish back.

    Prints all that it asks. Events may ask otherwise, each for its own schedule.
    """
    import flexmeasures_master_data as master_data
    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import writing
    from flexmeasures.errors import InputError
    from flexmeasures_scheduling import ATTRIBUTE

    asker = find_sensor(asset_id, None, option="--asset")
    if asker.kind not in ("asset", "site"):
        raise InputError(
            f"Sensor {asset_id} is a {asker.kind}.", "--asset-id", "the id of an asset or a site"
        )
    asked = dict((asker.attributes or {}).get(ATTRIBUTE) or {})
    asked |= dict(read_pair(wish) for wish in wishes)
    with writing():
        if asker.kind == "site":
            scheduling.change_flexibility(asker, asked)
        else:
            master_data.update_asset(asker, {ATTRIBUTE: asked})
    for key, value in sorted((asker.attributes.get(ATTRIBUTE) or {}).items()):
        click.echo(f"{key} = {json.dumps(value)}")
