"""`flexmeasures db-ops`: the whole database at once, as files or as a dump; emptied, filled again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from flexmeasures.cli import CommandGroup, ask, with_app

force_option = click.option("--force", is_flag=True, help="Do not ask.")


@click.group("db-ops", cls=CommandGroup)
def db_ops() -> None:
    """Back up, reset and restore the whole database."""


def _what(function: Any) -> Any:
    """Options that say which backup is meant, and what of it."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option("--data/--no-data", default=False, show_default=True, help="Values, schedules, jobs."),
        click.option(
            "--structure/--no-structure", default=True, show_default=True, help="Users, sensors, types."
        ),
        click.option(
            "--dir",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder of backups [default: FLEXMEASURES_DB_BACKUP_PATH].",
        ),
        click.option("--name", required=True, help="Name of the backup."),
    )
    for option in options:
        function = option(function)
    return function


@db_ops.command()
@_what
@with_app
def save(name: str, folder: Path | None, structure: bool, data: bool) -> None:
    """Save a backup that `load` and the endpoint restoreData read."""
    from flexmeasures_db_ops import backups

    place = backups.place_of(name, folder)
    counts = backups.save(place, structure=structure, data=data)
    click.echo(f"Saved {_counted(counts)} in {place}.")


@db_ops.command()
@_what
@force_option
@with_app
def load(name: str, folder: Path | None, structure: bool, data: bool, force: bool) -> None:
    """Replace sensors, types, values, schedules and jobs by those of a backup.

    Its users are added where they are missing; those that are there stay as they are.
    """
    from flexmeasures_db_ops import backups

    place = backups.place_of(name, folder)
    what = "all sensors, their types, values, schedules and jobs" if structure else "all values and schedules"
    ask(f"Replace {what} by those of {place}?", force)
    counts = backups.load(place, structure=structure, data=data, users=True)
    click.echo(f"Loaded {_counted(counts)} from {place}.")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {table}" for table, count in counts.items()) + " rows"


@db_ops.command()
@click.option("--repair", is_flag=True, help="Move events near a slot of their sensor to it.")
@with_app
def check(repair: bool) -> None:
    """Look for events that lie off the grid of their sensor; exits with 1 while there are any."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Sensor

    sensors = list(db.session.scalars(select(Sensor).order_by(Sensor.id)))
    lines = [line for sensor in sensors for line in _checked(sensor, repair)]
    for line in lines:
        click.echo(line)
    if any(line.startswith("Left") for line in lines):
        raise SystemExit(1)
    if not lines:
        click.echo(f"All events of {len(sensors)} sensors lie on the grid of their sensor.")


def _checked(sensor: Any, repair: bool) -> Iterator[str]:
    """What was found of a sensor, and what was done about it: a line each; what is left begins with "Left"."""
    from flexmeasures import beliefs, grid
    from flexmeasures.db import writing
    from flexmeasures.timing import iso_duration, iso_time

    found = beliefs.strays(sensor)
    own = sensor.event_resolution
    what = f"sensor {sensor.id} ({sensor.name}, slots of {iso_duration(own)})"
    if repair and found.near:
        with writing():
            moved = beliefs.move(sensor, found.near)
        yield f"Moved {moved} values of {what} to the slots that they mean."
        found = beliefs.strays(sensor)
        if found.near:
            left = f"Left: {len(found.near)} events of {what}"
            yield f"{left}, as their slots have values of the same horizon and source."
    elif found.near:
        start, meant = next(iter(found.near.items()))
        yield (
            f"Left: {len(found.near)} events of {what} start near a slot, such as {iso_time(start)} for"
            f" {iso_time(meant)}; --repair moves them there."
        )
    if found.far:
        before, after = grid.around(found.far[0], own, sensor.timezone)
        yield (
            f"Left: {len(found.far)} events of {what} start too far from any slot, such as {iso_time(found.far[0])}"
            f" between {iso_time(before)} and {iso_time(after)}. Import them again where they belong."
        )


@db_ops.command()
@force_option
@with_app
def reset(force: bool) -> None:
    """Delete all tables with all that is in them, users too, and make them anew."""
    from flask import current_app

    from flexmeasures.db import db
    from flexmeasures_db_ops import dumps

    ask(
        f"Delete everything in {db.engine.url.render_as_string()}, users too?",
        force or bool(current_app.debug),
    )
    done = dumps.reset()
    click.echo(f"The database is empty; {len(done)} migrations were run.")


@db_ops.command()
@with_app
def dump() -> None:
    """Write everything into one file in the working directory (pg_dump, or a copy of an SQLite database)."""
    from flexmeasures_db_ops import dumps

    click.echo(f"Written to {dumps.dump(Path.cwd())}; db-ops restore reads it.")


@db_ops.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@force_option
@with_app
def restore(file: Path, force: bool) -> None:
    """Replace everything by what FILE, made by db-ops dump, holds."""
    from flexmeasures.db import db
    from flexmeasures_db_ops import dumps

    ask(f"Replace everything in {db.engine.url.render_as_string()} by {file}?", force)
    dumps.restore(file)
    click.echo(f"Restored {file}.")
