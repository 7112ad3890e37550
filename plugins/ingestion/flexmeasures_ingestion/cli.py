"""`flexmeasures add beliefs`: time series from a file, with sign, unit and time zone named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensor, parse_minutes, with_app

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from flexmeasures.models.sensors import Sensor
    from flexmeasures_ingestion.importing import Imported
    from flexmeasures_ingestion.readers.base import Layout

SHOWN = 10  # rows of --dry-run
LAYOUT = ("datecol", "timecol", "endcol", "valuecol", "date_format", "decimal", "skiprows", "labels", "sheet")


@click.command("beliefs")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sensor-id", type=int, help="Id of the sensor (asset, market or weather sensor).")
@click.option("--sensor", "sensor_name", help="Name of the sensor, instead of its id.")
@click.option("--source", required=True, help="Who says so: a name for where the data come from.")
@click.option(
    "--unit",
    help="Unit of the values, such as kW, EUR/MWh or °C; energies are a slot's. Default: what the file says.",
)
@click.option(
    "--sign",
    type=click.Choice(["consumption-positive", "production-positive"]),
    help="What a positive value means. Required for power and energy.",
)
@click.option(
    "--timezone",
    help="IANA name, of times without UTC offset (required for them) and of rows that are local days.",
)
@click.option(
    "--horizon", help="How long before the event's end it was known: minutes or ISO 8601. Default 0."
)
@click.option(
    "--resolution",
    help="Length of every row: minutes or ISO 8601; P1D is a local day. Default: row by row, as times tell.",
)
@click.option(
    "--register",
    is_flag=True,
    help="Values are readings of a counter of energy; their differences are stored.",
)
@click.option(
    "--states",
    is_flag=True,
    help="Each value holds from its time until the next; means over the sensor's slots are stored.",
)
@click.option(
    "--allow-implausible", is_flag=True, help="Store power above 10 times the asset's capacity, too."
)
@click.option("--allow-overwrite", is_flag=True, help="Replace what is stored already.")
@click.option("--dry-run", is_flag=True, help="Show ten rows as they would be stored, and store nothing.")
@click.option(
    "--reader", help="How to read the file; see `flexmeasures show readers`. Default: the one that knows it."
)
@click.option(
    "--datecol", help="Column of event starts: number from 0 on, or name. Default: 0, else guessed."
)
@click.option("--timecol", help="Column of the time of day, where it is not in that of dates.")
@click.option("--endcol", help="Column of event ends. Default: each row ends where the next begins.")
@click.option("--valuecol", help="Column of values: number from 0 on, or name. Default: 1, else guessed.")
@click.option("--date-format", help="How times are written, such as DD/MM/YYYY HH:mm or %d/%m/%Y %H:%M.")
@click.option(
    "--labels", type=click.Choice(["start", "end"]), help="What times are of their slots. Default: start."
)
@click.option(
    "--decimal", type=click.Choice([".", ","]), help="Mark of decimals. Default: a point, or what is clear."
)
@click.option(
    "--where", multiple=True, help="Only rows with this text in that column, such as REGISTER=1.8.0."
)
@click.option("--skiprows", type=click.IntRange(0), help="Rows before the data. Default: 1.")
@click.option("--delimiter", help="What stands between columns; tab for a tab. Default: what divides most.")
@click.option("--sheet", help="Sheet of a workbook. Default: the first.")
@with_app
def add_beliefs(file: Path, **options: Any) -> None:
    """Add values of one sensor from a FILE (CSV, Excel, Parquet, Green Button ...; also .csv.gz).

    All of them are stored, or nothing if a row is wrong.
    """
    from datetime import timedelta

    from flexmeasures.errors import InputError
    from flexmeasures.models.sources import SCRIPT
    from flexmeasures.sources import get_source
    from flexmeasures_ingestion.importing import Request, read_file, store

    if not options["source"].strip():
        raise InputError("--source is empty.", "--source", "a name for where the data come from")
    sensor = find_sensor(options["sensor_id"], options["sensor_name"])
    request = Request(
        layout=_layout(options),
        unit=options["unit"],
        sign=options["sign"],
        resolution=None if options["resolution"] is None else _positive(options["resolution"]),
        reader=options["reader"],
        allow_implausible=options["allow_implausible"],
    )
    horizon = timedelta(0) if options["horizon"] is None else parse_minutes(options["horizon"], "--horizon")
    imported = read_file(file, sensor, request)
    if options["dry_run"]:
        _say_rows(imported, sensor)
        _show_rows(imported, sensor)
    else:
        stored = store(
            sensor,
            imported,
            lambda: get_source(options["source"].strip(), SCRIPT),
            horizon,
            replacing=options["allow_overwrite"],
        )
        _say_rows(imported, sensor)
        click.echo(
            f"Stored {stored.new} new and {stored.replaced} replaced values of {sensor.name} (ID:{sensor.id})"
            f" by source {options['source']!r}; {stored.skipped} were the same already."
        )
    _say_horizon(options["horizon"], horizon)
    for warning in imported.warnings:
        click.secho(f"Warning: {warning}", fg="yellow", err=True)


def _say_rows(imported: Imported, sensor: Sensor) -> None:
    """What was read, and how times and unit were understood."""
    click.echo(f"Read {imported.rows} rows of {imported.length}, {imported.empty} of them without a value.")
    click.echo(f"File: {imported.reader}.")
    own = "MW" if sensor.kind == "asset" else sensor.unit
    click.echo(f"Values in {imported.unit} were stored in {own}.")
    for note in imported.notes:
        click.echo(note)


def _show_rows(imported: Imported, sensor: Sensor) -> None:
    """The first values as they would be stored, with sign, unit and zone."""
    from itertools import islice

    from flexmeasures.timing import timezone

    zone = timezone(sensor.timezone)
    asset = sensor.kind == "asset"
    unit = "MW" if asset else sensor.unit
    known = (
        (each.start + k * each.resolution, value)
        for each in imported.series
        for k, value in enumerate(each.values.tolist())
        if value == value
    )
    click.echo(f"Nothing was stored (--dry-run). The first values, times in {zone.key}:")
    for start, value in islice(known, SHOWN):
        way = ("  consumption" if value > 0 else "  production" if value < 0 else "") if asset else ""
        click.echo(f"{start.astimezone(zone):%Y-%m-%d %H:%M%z}  {value:.6g} {unit}{way}")


def _layout(options: dict[str, Any]) -> Layout:
    from flexmeasures.errors import InputError
    from flexmeasures.timing import timezone
    from flexmeasures_ingestion.readers.base import REGISTER, STATES, Layout
    from flexmeasures_ingestion.readers.cells import strptime_format

    delimiter = {"tab": "\t", "\\t": "\t"}.get(options["delimiter"], options["delimiter"])
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InputError(
            f"--delimiter {delimiter!r} is not one character.", "--delimiter", "one character, or tab"
        )
    if options["register"] and options["states"]:
        raise InputError("--register and --states exclude each other.", "--states", "one of them")
    if options["date_format"] is not None:
        strptime_format(options["date_format"])
    return Layout(
        **{name: options[name] for name in LAYOUT},
        delimiter=delimiter,
        where=conditions(options["where"]),
        timezone=None if options["timezone"] is None else timezone(options["timezone"], "--timezone"),
        kind=REGISTER if options["register"] else STATES if options["states"] else None,
    )


def conditions(stated: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """What --where says, as pairs of a column and a text."""
    from flexmeasures.errors import InputError

    pairs = [(name, text) for name, _, text in (each.partition("=") for each in stated)]
    if not all(name and text for name, text in pairs):
        text = "--where needs a column and a text."
        raise InputError(text, "--where", "COLUMN=TEXT, such as REGISTER=1.8.0")
    return tuple(pairs)


def _positive(text: str) -> timedelta:
    from datetime import timedelta

    from flexmeasures.errors import InputError

    resolution: timedelta = parse_minutes(text, "--resolution")
    if resolution < timedelta(milliseconds=1):
        raise InputError(f"--resolution {text!r} is not positive.", "--resolution", "a positive duration")
    return resolution


def _say_horizon(given: str | None, horizon: timedelta) -> None:
    from flexmeasures.timing import iso_duration

    if given is None:
        click.echo(
            "Horizon 0 was used: the values count as measured at the end of each event (see --horizon)."
        )
    else:
        click.echo(f"Horizon {iso_duration(horizon)} was used.")
