"""`flexmeasures show beliefs`: what is known of a sensor, as a table, as JSON, or as a file that imports again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensor, parse_minutes, period, with_app

if TYPE_CHECKING:
    from flexmeasures.models import Sensor
    from flexmeasures.timeseries import TimeSeries

BARS = "▁▂▃▄▅▆▇█"
WIDTH = 72  # bars of a plot
FEW = 48  # rows that a table shows where nobody asked for more


@click.command("beliefs")
@click.option("--sensor-id", type=int, help="Id of the sensor (asset, market or weather sensor).")
@click.option("--sensor", "name", help="Its name, instead of its id.")
@click.option(
    "--from-date", type=click.DateTime(["%Y-%m-%d"]), help="First day [default: that of the last values]."
)
@click.option("--to-date", type=click.DateTime(["%Y-%m-%d"]), help="Last day, which is included.")
@click.option(
    "--horizon", help="Only what was known at least so long before the event's end: minutes or ISO 8601."
)
@click.option(
    "--source", help="Only what this source says: its name, such as linear-OLS, or of a user or file."
)
@click.option("--resolution", help="Averages over longer slots: minutes or ISO 8601.")
@click.option(
    "--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write a CSV file; - prints it."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def show_beliefs(
    sensor_id: int | None,
    name: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    horizon: str | None,
    source: str | None,
    resolution: str | None,
    file: Path | None,
    as_json: bool,
) -> None:
    """Show the newest beliefs about a sensor's events, with a small plot; without days, those of the last ones.

    A file has the columns event_start and value: `flexmeasures add beliefs` with the sensor's unit reads it again.
    """
    from flexmeasures.beliefs import search_one

    sensor = find_sensor(sensor_id, name)
    start, end = _days(sensor, from_date, to_date)
    filters: dict[str, Any] = {}
    if horizon is not None:
        filters["horizon_at_least"] = parse_minutes(horizon, "--horizon")
    if resolution is not None:
        filters["resolution"] = parse_minutes(resolution, "--resolution")
    if source is not None:
        filters["sources"] = _sources(source)
    series = search_one(sensor, start, end, **filters)
    if file is not None:
        _write(file, series)
    elif as_json:
        click.echo(json.dumps({"sensor": sensor.id, "unit": sensor.unit, "values": _rows(series)}, indent=2))
    else:
        _show(sensor, series)


def _days(sensor: Sensor, first: datetime | None, last: datetime | None) -> tuple[datetime, datetime]:
    """The window of whole days that was asked for; by default the last day of which something is known."""
    from flask import current_app

    from flexmeasures.beliefs import extent
    from flexmeasures.errors import NotFound
    from flexmeasures.timing import timezone

    if first is None or last is None:
        known = extent(sensor)
        if known is None:
            raise NotFound(
                f"Nothing is known of sensor {sensor.name!r}.", "--sensor-id", "one that has beliefs"
            )
        zone = timezone(current_app.config["FLEXMEASURES_TIMEZONE"], "FLEXMEASURES_TIMEZONE")
        newest = (known[1] - timedelta(microseconds=1)).astimezone(zone).replace(tzinfo=None)
        last = last or max(newest, first or newest)
        first = first or last
    midnights = [day.replace(hour=0, minute=0, second=0, microsecond=0) for day in (first, last)]
    return period(midnights[0], midnights[1])


def _sources(name: str) -> list[int]:
    """Ids of the sources of that name or model."""
    from sqlalchemy import or_, select

    from flexmeasures.db import db
    from flexmeasures.errors import NotFound
    from flexmeasures.models import Source

    found = list(db.session.scalars(select(Source.id).where(or_(Source.name == name, Source.model == name))))
    if not found:
        known = sorted(
            {each for row in db.session.scalars(select(Source)) for each in (row.name, row.model) if each}
        )
        raise NotFound(
            f"There is no source {name!r}.", "--source", ", ".join(known) or "none has said anything yet"
        )
    return found


def _rows(series: TimeSeries) -> list[dict[str, Any]]:
    """Known values with their times, UTC."""
    starts = [series.start + k * series.resolution for k in range(len(series.values))]
    rows = zip(starts, series.values.tolist(), strict=True)
    return [{"event_start": start.isoformat(), "value": value} for start, value in rows if value == value]


def _write(file: Path, series: TimeSeries) -> None:
    lines = [f"{row['event_start']},{row['value']!r}" for row in _rows(series)]
    text = "\n".join(["event_start,value", *lines]) + "\n"
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    click.echo(f"{len(lines)} values in {file}.")


def _show(sensor: Sensor, series: TimeSeries) -> None:
    from flask import current_app

    from flexmeasures.timing import timezone

    zone = timezone(current_app.config["FLEXMEASURES_TIMEZONE"], "FLEXMEASURES_TIMEZONE")
    rows = _rows(series)
    click.echo(f"{sensor.name} (ID:{sensor.id}), {sensor.unit}, {len(rows)} values, times in {zone}")
    if not rows:
        return
    values = [row["value"] for row in rows]
    click.echo(f"least {min(values):g}, mean {sum(values) / len(values):g}, most {max(values):g}")
    click.echo(plot(series))
    for row in rows[:FEW]:
        local = datetime.fromisoformat(row["event_start"]).astimezone(zone)
        click.echo(f"{local:%Y-%m-%d %H:%M%z}  {row['value']:g}")
    if len(rows) > FEW:
        click.echo(f"... {len(rows) - FEW} more; --csv - prints all.")


def plot(series: TimeSeries) -> str:
    """A line of bars, each the mean of a part of the values; a blank where nothing is known."""
    import numpy as np

    parts = [
        part[np.isfinite(part)] for part in np.array_split(series.values, min(WIDTH, len(series.values)))
    ]
    means = [float(part.mean()) if len(part) else None for part in parts]
    known = [mean for mean in means if mean is not None]
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(
        " " if each is None else BARS[round((each - low) / span * (len(BARS) - 1))] for each in means
    )
