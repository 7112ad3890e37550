"""`flexmeasures add charging-sessions`: what sessions of a file would have cost, had they been planned."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexmeasures.cli import find_sensor, with_app

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Asset
    from flexmeasures_ingestion.readers.base import Layout
    from flexmeasures_scheduling import Session, SessionsResult

NAMED = 8  # so many sessions are named in a message


@click.command("charging-sessions")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--asset-id", required=True, type=int, help="Id of the charging point.")
@click.option("--timezone", help="IANA name, of times without UTC offset (required for them).")
@click.option("--unit", help="Unit of the energies: Wh, kWh, MWh or GWh. Default: what the file says.")
@click.option("--where", multiple=True, help="Only rows with this text in that column: Loadpoint=Garage.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def add_charging_sessions(
    file: Path, asset_id: int, timezone: str | None, unit: str | None, where: tuple[str, ...], as_json: bool
) -> None:
    """Plan each charging session of a FILE (start, end, energy), with the energy it took as the target at its end.

    Each is planned by the prices as known when it began, and stored as a schedule. Tells the cost at the prices as
    they came to be, beside that of charging at once. What was charged is stored by `flexmeasures add beliefs`.
    """
    from rich.console import Console
    from rich.progress import Progress

    from flexmeasures.errors import InputError
    from flexmeasures.timing import timezone as zone_of
    from flexmeasures_ingestion.cli import conditions
    from flexmeasures_ingestion.readers.base import Layout
    from flexmeasures_scheduling import plan_sessions

    asset = find_sensor(asset_id, None, option="--asset")
    if asset.kind != "asset":
        raise InputError(f"Sensor {asset_id} is a {asset.kind}.", "--asset-id", "the id of an asset")
    layout = Layout(
        where=conditions(where), timezone=None if timezone is None else zone_of(timezone, "--timezone")
    )
    sessions = _read(file, asset, layout, unit)
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(asset.name, total=len(sessions))
        result = plan_sessions(
            asset, sessions, progress=lambda done, total: progress.update(task, completed=done, total=total)
        )
    if as_json:
        click.echo(json.dumps(asdict(result), indent=2))
        return
    for line in _lines(result):
        click.echo(line)


def _read(path: Path, asset: Asset, layout: Layout, unit: str | None) -> list[Session]:
    """The sessions of a file, in order of time; InputError if it holds none."""
    import numpy as np

    from flexmeasures.errors import InputError
    from flexmeasures.timing import from_ms
    from flexmeasures_ingestion.importing import unit_of
    from flexmeasures_ingestion.registry import reader_of
    from flexmeasures_ingestion.slots import make_slots
    from flexmeasures_ingestion.units import ENERGY, Conversion
    from flexmeasures_scheduling import Session

    rows = reader_of(path).read(path, layout)
    if not rows.ends:
        accepted = "a file with a start, an end and an energy in each row"
        raise InputError(f"The rows of {path} have no ends: they are no sessions.", "FILE", accepted)
    rows.zone = rows.zone or layout.timezone
    given = unit_of(asset, unit, rows)
    if given not in ENERGY:
        raise InputError(f"The values are in {given}, which is no energy.", "--unit", ", ".join(ENERGY))
    slots = make_slots(rows, asset, None)
    Conversion(ENERGY[given]).apply(slots)
    negative = np.flatnonzero(slots.values < 0)
    if len(negative):
        text = f"line {slots.lines[negative[0]]}: the energy is negative."
        raise InputError(text, "FILE", "energies that were charged")
    found = [
        Session(
            start=from_ms(int(start)),
            end=from_ms(int(end)),
            energy=float(value),
            name=f"line {line}",
        )
        for start, end, value, line in zip(slots.starts, slots.ends, slots.values, slots.lines, strict=True)
        if value > 0
    ]
    if not found:
        raise InputError(f"{path} holds no session with energy.", "FILE", "energies that were charged")
    return found


def _lines(result: SessionsResult) -> list[str]:
    money = result.currency
    saved = result.baseline - result.cost
    share = f" ({saved / abs(result.baseline):.1%})" if result.baseline else ""
    lines = [
        f"{result.plans} schedules stored, of {result.energy:.6g} MWh",
        f"cost as planned, at the prices as they came to be  {result.cost:14.4f} {money}",
        f"cost of charging at once                           {result.baseline:14.4f} {money}",
        f"saved                                              {saved:14.4f} {money}{share}",
    ]
    if result.short:
        lines.append(
            f"{_named(result.short)} could not be given all of their energy in the slots that lie in them, at the"
            " asset's power and with its store."
        )
    if result.too_short:
        lines.append(f"{_named(result.too_short)} have no whole slot of the asset in them, and no plan.")
    return lines


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} sessions ({', '.join(names[:NAMED])}{more})"
