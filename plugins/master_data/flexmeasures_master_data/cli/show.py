"""`flexmeasures show sensors` and `show assets`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensors, kind_option, with_app

if TYPE_CHECKING:
    from flexmeasures.models import Sensor

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("sensors")
@kind_option
@_json_option
@with_app
def show_sensors(kind: str | None, as_json: bool) -> None:
    """List all sensors: assets, markets and weather sensors, with what is known of them until when."""
    _list(find_sensors(kind), as_json)


@click.command("assets")
@_json_option
@with_app
def show_assets(as_json: bool) -> None:
    """List all assets, with capacity, place and owner."""
    _list(find_sensors("Asset"), as_json, ("capacity_in_mw", "latitude", "longitude", "owner"))


def _list(sensors: list[Any], as_json: bool, more: tuple[str, ...] = ()) -> None:
    rows = [_row(sensor, more) for sensor in sensors]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("There is none yet: flexmeasures add asset, add market or add weather-sensor.")
        return
    names = list(rows[0])
    cells = [names, *([_shown(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    for line in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _row(sensor: Sensor, more: tuple[str, ...]) -> dict[str, Any]:
    from flexmeasures.beliefs import extent
    from flexmeasures.timing import iso_duration

    known = extent(sensor)
    row: dict[str, Any] = {
        "id": sensor.id,
        "name": sensor.name,
        "kind": sensor.kind,
        "type": sensor.type_name,
        "unit": sensor.unit,
        "resolution": iso_duration(sensor.event_resolution),
    }
    for name in more:
        row[name] = getattr(sensor.owner, "username", None) if name == "owner" else getattr(sensor, name)
    return row | {"known_until": None if known is None else known[1].isoformat()}


def _shown(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
