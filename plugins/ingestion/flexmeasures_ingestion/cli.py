"""`flexmeasures add beliefs`: time series from a CSV file, with sign, unit and time zone named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensor, parse_minutes, with_app
from flexmeasures_algorithms import facts_of

if TYPE_CHECKING:
    from datetime import timedelta

    from flexmeasures.beliefs import Stored
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Floats, TimeSeries
    from flexmeasures_ingestion.csv_reader import Layout, Rows
    from flexmeasures_ingestion.csv_slots import Slots

CONSUMPTION, PRODUCTION = "consumption-positive", "production-positive"


@click.command("beliefs")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--sensor-id", type=int, help="Id of the sensor (asset, market or weather sensor).")
@click.option("--sensor", "sensor_name", help="Name of the sensor, instead of its id.")
@click.option("--source", required=True, help="Who says so: a name for where the data come from.")
@click.option(
    "--unit", required=True, help="Unit of the values, such as kW, EUR/MWh or °C; energies are a slot's."
)
@click.option(
    "--sign",
    type=click.Choice([CONSUMPTION, PRODUCTION]),
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
    "--allow-implausible", is_flag=True, help="Store power above 10 times the asset's capacity, too."
)
@click.option("--allow-overwrite", is_flag=True, help="Replace what is stored already.")
@click.option("--datecol", default="0", show_default=True, help="Column of event starts: number or name.")
@click.option("--valuecol", default="1", show_default=True, help="Column of values: number or name.")
@click.option(
    "--skiprows", default=1, show_default=True, type=click.IntRange(0), help="Rows before the data."
)
@click.option(
    "--delimiter", default=",", show_default=True, help="What stands between columns; tab for a tab."
)
@with_app
def add_beliefs(file: Path, **options: Any) -> None:
    """Add values of one sensor from a CSV FILE (also .csv.gz): all of them, or nothing if a row is wrong."""
    from datetime import timedelta

    from flexmeasures_ingestion.csv_reader import read_rows
    from flexmeasures_ingestion.csv_series import series_of
    from flexmeasures_ingestion.csv_slots import make_slots
    from flexmeasures_ingestion.units import conversion

    sensor = find_sensor(options["sensor_id"], options["sensor_name"])
    convert = conversion(sensor, options["unit"])
    _check_sign(sensor, options["sign"])
    _check_register(options, energy=convert.energy)
    horizon = timedelta(0) if options["horizon"] is None else parse_minutes(options["horizon"], "--horizon")
    given = None if options["resolution"] is None else _positive(options["resolution"])
    layout = _layout(options)
    rows = read_rows(file, layout)
    slots = make_slots(rows, sensor, layout.timezone, given, options["register"])
    values = convert.apply(slots.values, slots.lengths)
    if options["sign"] == PRODUCTION:
        values = 0.0 - values
    _check_plausible(sensor, options, slots, values)
    stored = _store(sensor, options, horizon, series_of(slots, values, sensor))
    _say_rows(rows, slots, layout, options["unit"], sensor)
    click.echo(
        f"Stored {stored.new} new and {stored.replaced} replaced values of {sensor.name} (ID:{sensor.id})"
        f" by source {options['source']!r}; {stored.skipped} were the same already."
    )
    _say_horizon(options["horizon"], horizon)
    if convert.energy and not options["register"]:
        _warn_of_counter(slots)
    for warning in slots.warnings:
        click.secho(f"Warning: {warning}", fg="yellow", err=True)
    _warn_of_sign(sensor, values)


def _say_rows(rows: Rows, slots: Slots, layout: Layout, unit: str, sensor: Sensor) -> None:
    """What was read, and how times and unit were understood."""
    import numpy as np

    from flexmeasures.timing import MILLISECOND, iso_duration

    lengths, counts = np.unique(slots.lengths, return_counts=True)
    usual = iso_duration(int(lengths[counts.argmax()]) * MILLISECOND)
    step = usual if len(lengths) == 1 else f"{usual} mostly"
    click.echo(f"Read {len(rows.values)} rows of {step}, {rows.empty} of them without a value.")
    own = "MW" if sensor.kind == "asset" else sensor.unit
    click.echo(f"Values in {unit} were stored in {own}.")
    for kind, count in rows.epochs.items():
        click.echo(f"{count} times were read as {kind} since 1970 (UTC).")
    if rows.zoned and layout.timezone is not None:
        click.echo(f"{rows.zoned} times without UTC offset were read in {layout.timezone.key}.")
    for note in slots.notes:
        click.echo(note)


def _check_register(options: dict[str, Any], *, energy: bool) -> None:
    from flexmeasures.errors import InputError

    if options["register"] and not energy:
        text = f"--register has no meaning for --unit {options['unit']!r}."
        raise InputError(text, "--register", "a unit of energy: Wh, kWh, MWh or GWh, for an asset")
    if options["register"] and options["resolution"] is not None:
        text = "--resolution has no meaning with --register: readings are about the time between them."
        raise InputError(text, "--resolution", "no --resolution here")


def _check_plausible(sensor: Sensor, options: dict[str, Any], slots: Slots, values: Floats) -> None:
    """InputError for power that the asset cannot have, unless it is allowed; then a warning."""
    import numpy as np

    from flexmeasures.errors import InputError
    from flexmeasures_master_data import plausibility

    doubt = plausibility.power(sensor, values)
    if doubt is None:
        return
    counter = _only_rises(slots.values) and not options["register"]
    text = f"line {slots.lines[int(np.nan_to_num(np.abs(values)).argmax())]}: {doubt}"
    if options["allow_implausible"]:
        slots.warnings.append(text)
        return
    cause = " The values only rise, as those of a counter do (--register)." if counter else ""
    raise InputError(
        f"{text}{cause} Nothing was stored.",
        "--unit",
        "the right --unit, --register for readings of a counter, or --allow-implausible",
    )


def _only_rises(values: Floats) -> bool:
    """Whether values look like readings: never falling, and far larger than their differences."""
    import numpy as np

    known = values[~np.isnan(values)]
    if len(known) < 4:
        return False
    steps = np.diff(known)
    return bool((steps >= 0).all() and steps.any() and known[0] > 0 and known[0] > 10 * steps.max())


def _warn_of_counter(slots: Slots) -> None:
    if _only_rises(slots.values):
        slots.warnings.append("The energies only rise, as readings of a counter do. Was --register meant?")


def _layout(options: dict[str, Any]) -> Layout:
    from flexmeasures.errors import InputError
    from flexmeasures.timing import timezone
    from flexmeasures_ingestion.csv_reader import Layout

    delimiter = {"tab": "\t", "\\t": "\t"}.get(options["delimiter"], options["delimiter"])
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InputError(
            f"--delimiter {delimiter!r} is not one character.", "--delimiter", "one character, or tab"
        )
    return Layout(
        datecol=options["datecol"],
        valuecol=options["valuecol"],
        skiprows=options["skiprows"],
        delimiter=delimiter,
        timezone=None if options["timezone"] is None else timezone(options["timezone"], "--timezone"),
    )


def _positive(text: str) -> timedelta:
    from datetime import timedelta

    from flexmeasures.errors import InputError

    resolution: timedelta = parse_minutes(text, "--resolution")
    if resolution < timedelta(milliseconds=1):
        raise InputError(f"--resolution {text!r} is not positive.", "--resolution", "a positive duration")
    return resolution


def _check_sign(sensor: Any, sign: str | None) -> None:
    from flexmeasures.errors import InputError

    if sensor.kind == "asset" and sign is None:
        raise InputError(
            f"--sign is required for the power of {sensor.name!r}.",
            "--sign",
            f"{CONSUMPTION} or {PRODUCTION}",
        )
    if sensor.kind != "asset" and sign is not None:
        kind = sensor.kind.replace("_", " ")
        raise InputError(f"--sign has no meaning for the {kind} {sensor.name!r}.", "--sign", "no --sign here")


def _store(sensor: Any, options: dict[str, Any], horizon: timedelta, series: list[TimeSeries]) -> Stored:
    """Store all series in one transaction."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing
    from flexmeasures.errors import BeliefsExist, InputError
    from flexmeasures.models.sources import SCRIPT

    if not options["source"].strip():
        raise InputError("--source is empty.", "--source", "a name for where the data come from")
    total = beliefs.Stored()
    try:
        with writing() as session:
            source = sources.get_source(options["source"].strip(), SCRIPT)
            session.flush()
            for each in series:
                stored = beliefs.store(
                    sensor,
                    each.values,
                    each.start,
                    each.resolution,
                    source,
                    horizon=horizon,
                    on_existing="replace" if options["allow_overwrite"] else "refuse",
                )
                total = beliefs.Stored(
                    total.new + stored.new, total.replaced + stored.replaced, total.skipped + stored.skipped
                )
    except BeliefsExist as error:
        raise InputError(
            f"{error} Nothing was stored.", "--allow-overwrite", "--allow-overwrite to replace"
        ) from None
    return total


def _say_horizon(given: str | None, horizon: timedelta) -> None:
    from flexmeasures.timing import iso_duration

    if given is None:
        click.echo(
            "Horizon 0 was used: the values count as measured at the end of each event (see --horizon)."
        )
    else:
        click.echo(f"Horizon {iso_duration(horizon)} was used.")


def _warn_of_sign(sensor: Any, values: Floats) -> None:
    """Say when a pure producer seems to consume or a pure consumer to produce: the wrong --sign, often."""
    if sensor.kind != "asset" or facts_of(sensor).is_consumer == facts_of(sensor).is_producer:
        return
    strange = int((values > 0).sum() if facts_of(sensor).is_producer else (values < 0).sum())
    if strange:
        verb = "consuming" if facts_of(sensor).is_producer else "producing"
        who = f"{sensor.name} ({sensor.type_name})"
        text = f"Warning: {strange} of {len(values)} values say that {who} is {verb}."
        click.secho(f"{text} Was --sign right?", fg="yellow", err=True)
