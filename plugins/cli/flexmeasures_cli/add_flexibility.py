"""`flexmeasures add flexibility`: what an asset asks of all its schedules."""

from __future__ import annotations

import json

import click

from flexmeasures_cli.groups import find_sensor, read_pair, with_app


@click.command("flexibility")
@click.argument("wishes", nargs=-1, metavar="KEY=VALUE...")
@click.option("--asset-id", required=True, type=int, help="Id of the asset.")
@with_app
def add_flexibility(wishes: tuple[str, ...], asset_id: int) -> None:
    """Let an asset ask more of its schedules, such as charge_efficiency=0.95; KEY= takes a wish back.

    Prints all that it asks. Events may ask otherwise, each for its own schedule.
    """
    from flexmeasures import structure
    from flexmeasures.db import writing
    from flexmeasures.errors import InputError
    from flexmeasures.flexibility import ATTRIBUTE

    asset = find_sensor(asset_id, None, option="--asset")
    if asset.kind != "asset":
        raise InputError(f"Sensor {asset_id} is a {asset.kind}.", "--asset-id", "the id of an asset")
    asked = dict((asset.attributes or {}).get(ATTRIBUTE) or {})
    asked |= dict(read_pair(wish) for wish in wishes)
    with writing():
        structure.update_asset(asset, {ATTRIBUTE: asked})
    for key, value in sorted((asset.attributes[ATTRIBUTE]).items()):
        click.echo(f"{key} = {json.dumps(value)}")
