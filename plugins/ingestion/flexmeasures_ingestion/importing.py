"""From a file to stored beliefs: the reader, the slots, the unit, the sign; what was decided is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures.errors import BeliefsExist, InputError
from flexmeasures.timing import MILLISECOND, iso_duration
from flexmeasures_algorithms import facts_of
from flexmeasures_ingestion.readers.base import REGISTER, Layout, Rows
from flexmeasures_ingestion.spans import most_common

if TYPE_CHECKING:
    from flexmeasures.beliefs import Stored
    from flexmeasures.models import Source
    from flexmeasures.models.sensors import Sensor
    from flexmeasures.timeseries import Floats, TimeSeries
    from flexmeasures_ingestion.spans import Slots

CONSUMPTION, PRODUCTION = "consumption-positive", "production-positive"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user says of a file beside its layout.

    unit: of the values, None if the file says it. sign: CONSUMPTION or PRODUCTION, for assets. resolution: of every
    row, None as times tell. reader: its name, None for the one that knows the file.
    """

    layout: Layout
    unit: str | None = None
    sign: str | None = None
    resolution: timedelta | None = None
    reader: str | None = None
    allow_implausible: bool = False


@dataclass(frozen=True)
class Imported:
    """What a file holds for a sensor.

    reader: its title. rows, empty: how many, and how many without a value. length: of rows. unit: of the file.
    series: in the sensor's unit, power with consumption positive. notes: what was decided; warnings: what is in doubt.
    """

    reader: str
    rows: int
    empty: int
    length: str
    unit: str
    series: list[TimeSeries]
    notes: list[str]
    warnings: list[str]


def read_file(path: Path, sensor: Sensor, request: Request) -> Imported:
    """All values of a file as series of that sensor; InputError names the line or the option that is wrong."""
    import numpy as np

    from flexmeasures_ingestion.registry import reader_of
    from flexmeasures_ingestion.series import series_of
    from flexmeasures_ingestion.slots import make_slots
    from flexmeasures_ingestion.units import conversion

    if request.unit is not None:
        conversion(sensor, request.unit)
    _check_sign(sensor, request.sign)
    reader = reader_of(path, request.reader)
    rows = reader.read(path, request.layout)
    rows.kind = request.layout.kind or rows.kind
    rows.zone = rows.zone or request.layout.timezone
    unit = unit_of(sensor, request.unit, rows)
    convert = conversion(sensor, unit)
    register = rows.kind == REGISTER
    if register:
        _check_register(unit, request, energy=convert.energy)
    slots = make_slots(rows, sensor, request.resolution)
    rises = not register and _only_rises(slots.values)
    convert.apply(slots)
    if request.sign == PRODUCTION:
        np.subtract(0.0, slots.values, out=slots.values)
    _check_plausible(sensor, request, slots, rises=rises)
    series = list(series_of(slots, sensor, alone=convert.energy and not register))
    if convert.energy and rises:
        slots.warnings.append("The energies only rise, as readings of a counter do. Was --register meant?")
    return Imported(
        reader=reader.title,
        rows=len(rows.values),
        empty=rows.empty,
        length=_length(slots),
        unit=unit,
        series=series,
        notes=_notes_of_times(rows) + slots.notes,
        warnings=slots.warnings + _doubts_of_sign(sensor, slots.values),
    )


def store(
    sensor: Sensor,
    imported: Imported,
    source: Callable[[], Source],
    horizon: timedelta,
    *,
    replacing: bool,
) -> Stored:
    """Store all series in one transaction; InputError if there are other values already and none may be replaced.

    source: called in the transaction, to find or make who says so.
    """
    from flexmeasures import beliefs
    from flexmeasures.db import writing

    total = beliefs.Stored()
    try:
        with writing() as session:
            said_by = source()
            session.flush()
            for each in imported.series:
                stored = beliefs.store(
                    sensor,
                    each.values,
                    each.start,
                    each.resolution,
                    said_by,
                    horizon=horizon,
                    on_existing="replace" if replacing else "refuse",
                )
                total = beliefs.Stored(
                    total.new + stored.new, total.replaced + stored.replaced, total.skipped + stored.skipped
                )
    except BeliefsExist as error:
        raise InputError(
            f"{error} Nothing was stored.", "--allow-overwrite", "--allow-overwrite to replace"
        ) from None
    return total


def _length(slots: Slots) -> str:
    """How long the rows are."""
    length, _, kinds = most_common(slots.lengths)
    usual = iso_duration(length * MILLISECOND)
    return usual if kinds == 1 else "any length" if slots.off_grid else f"{usual} mostly"


def _notes_of_times(rows: Rows) -> list[str]:
    """How times were understood that do not say it themselves."""
    notes = [f"{count} times were read as {kind} since 1970 (UTC)." for kind, count in rows.epochs.items()]
    if rows.zoned and rows.zone is not None:
        notes.append(f"{rows.zoned} times without UTC offset were read in {rows.zone.key}.")
    return notes


def unit_of(sensor: Sensor, stated: str | None, rows: Rows) -> str:
    """The unit that is stated, else that of the file; a warning where they differ."""
    from flexmeasures_ingestion.units import accepted_units

    accepted = accepted_units(sensor)
    own = rows.unit if rows.unit in accepted else None
    if stated is None and own is None:
        said = f" The file says {rows.unit!r}." if rows.unit else ""
        raise InputError(
            f"The file does not say a unit of {sensor.name!r} (--unit).{said}", "--unit", ", ".join(accepted)
        )
    if stated is not None and own is not None and stated != own and accepted[stated] != accepted[own]:
        rows.notes.append(f"The file says {own}; the values were read in {stated}, as --unit says.")
    return stated or own or ""


def _check_register(unit: str, request: Request, *, energy: bool) -> None:
    if not energy:
        text = f"--register has no meaning for --unit {unit!r}."
        raise InputError(text, "--register", "a unit of energy: Wh, kWh, MWh or GWh, for an asset")
    if request.resolution is not None:
        text = "--resolution has no meaning with --register: readings are about the time between them."
        raise InputError(text, "--resolution", "no --resolution here")


def _check_plausible(sensor: Sensor, request: Request, slots: Slots, *, rises: bool) -> None:
    """InputError for power that the asset cannot have, unless it is allowed; then a warning.

    rises: whether the file's values look like readings of a counter.
    """
    import numpy as np

    from flexmeasures_master_data import plausibility

    doubt = plausibility.power(sensor, slots.values)
    if doubt is None:
        return
    text = f"line {slots.lines[int(np.nanargmax(np.abs(slots.values)))]}: {doubt}"
    if request.allow_implausible:
        slots.warnings.append(text)
        return
    cause = " The values only rise, as those of a counter do (--register)." if rises else ""
    raise InputError(
        f"{text}{cause} Nothing was stored.",
        "--unit",
        "the right --unit, --register for readings of a counter, or --allow-implausible",
    )


def _only_rises(values: Floats) -> bool:
    """Whether values look like readings: never falling, and far larger than their differences."""
    import numpy as np

    unknown = np.isnan(values)
    known = values[~unknown] if unknown.any() else values
    if len(known) < 4 or not (known[0] > 0 and (known[1:] >= known[:-1]).all()):
        return False
    steps = np.diff(known)
    return bool(steps.any() and known[0] > 10 * steps.max())


def _check_sign(sensor: Sensor, sign: str | None) -> None:
    if sensor.kind == "asset" and sign is None:
        raise InputError(
            f"--sign is required for the power of {sensor.name!r}.",
            "--sign",
            f"{CONSUMPTION} or {PRODUCTION}",
        )
    if sensor.kind != "asset" and sign is not None:
        kind = sensor.kind.replace("_", " ")
        raise InputError(f"--sign has no meaning for the {kind} {sensor.name!r}.", "--sign", "no --sign here")


def _doubts_of_sign(sensor: Sensor, values: Floats) -> list[str]:
    """Say when a pure producer seems to consume or a pure consumer to produce: the wrong --sign, often."""
    if sensor.kind != "asset" or facts_of(sensor).is_consumer == facts_of(sensor).is_producer:
        return []
    strange = int((values > 0).sum() if facts_of(sensor).is_producer else (values < 0).sum())
    if not strange:
        return []
    verb = "consuming" if facts_of(sensor).is_producer else "producing"
    who = f"{sensor.name} ({sensor.type_name})"
    return [f"{strange} of {len(values)} values say that {who} is {verb}. Was --sign right?"]
