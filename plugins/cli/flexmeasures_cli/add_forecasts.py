"""`flexmeasures add forecasts`: forecasts over a period of the past, made now or by jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures_cli.groups import find_sensors, kind_option, with_app

if TYPE_CHECKING:
    from flexmeasures.knowledge import Knowledge

HORIZONS = ("1", "6", "24", "48")
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("forecasts")
@kind_option
@click.option("--asset-id", type=int, help="Id of one sensor. Default: all sensors (of that kind).")
@click.option("--asset", "name", help="Name of one sensor, instead of its id.")
@click.option("--from-date", type=DAY, default="2015-02-08", show_default=True, help="First day to forecast.")
@click.option(
    "--to-date", type=DAY, default="2015-12-31", show_default=True, help="Last day to forecast, inclusive."
)
@click.option(
    "--horizon",
    "hours",
    type=click.Choice(HORIZONS),
    multiple=True,
    help="Hours ahead; may be repeated. Default: all that suit the sensor's resolution.",
)
@click.option(
    "--knowledge",
    type=click.Choice(["event-end", "recorded"]),
    default="event-end",
    show_default=True,
    help="When a measurement counts as known: at its event's end, or when it was recorded.",
)
@click.option(
    "--as-job", is_flag=True, help="Queue jobs for workers instead; they know what is recorded by now."
)
@with_app
def add_forecasts(
    kind: str | None,
    asset_id: int | None,
    name: str | None,
    from_date: datetime,
    to_date: datetime,
    hours: tuple[str, ...],
    knowledge: Knowledge,
    as_job: bool,
) -> None:
    """Create forecasts. Days begin and end at midnight of FLEXMEASURES_TIMEZONE."""
    sensors = find_sensors(kind, asset_id, name)
    if not sensors:
        raise click.ClickException("There are no sensors to forecast. Add one with `flexmeasures add asset`.")
    start, end = _period(from_date, to_date)
    horizons = tuple(timedelta(hours=int(each)) for each in hours) or None
    if as_job:
        _enqueue(sensors, start, end, horizons)
    else:
        _forecast(sensors, start, end, horizons, knowledge)


def _period(from_date: datetime, to_date: datetime) -> tuple[datetime, datetime]:
    """From the first day's midnight to the midnight after the last day, in UTC."""
    from datetime import UTC

    from flask import current_app

    from flexmeasures.errors import InputError
    from flexmeasures.timing import timezone

    if to_date < from_date:
        text = f"--to-date {to_date:%Y-%m-%d} is before --from-date {from_date:%Y-%m-%d}."
        raise InputError(text, "--to-date", f"{from_date:%Y-%m-%d} or later")
    zone = timezone(current_app.config["FLEXMEASURES_TIMEZONE"], "FLEXMEASURES_TIMEZONE")
    days = (from_date, to_date + timedelta(days=1))
    start, end = (day.replace(tzinfo=zone).astimezone(UTC) for day in days)
    return start, end


def _enqueue(
    sensors: list[Any], start: datetime, end: datetime, horizons: tuple[timedelta, ...] | None
) -> None:
    """One forecasting job a sensor, all in one transaction.

    A job forecasts what comes each horizon after its window, so the window is set wide enough for all.
    """
    from flexmeasures.db import writing
    from flexmeasures.forecasting import enqueue, horizons_for

    jobs = {}
    with writing():
        for sensor in sensors:
            wanted = horizons or horizons_for(sensor.event_resolution)
            ahead = max(wanted, default=timedelta(0)), min(wanted, default=timedelta(0))
            jobs[sensor.name] = enqueue(sensor, start - ahead[0], end - ahead[1], wanted)
    for name, job in jobs.items():
        text = "no forecasts for its resolution" if job is None else f"job {job.id} in queue {job.queue}"
        click.echo(f"{name}: {text}")


def _forecast(
    sensors: list[Any],
    start: datetime,
    end: datetime,
    horizons: tuple[timedelta, ...] | None,
    knowledge: Knowledge,
) -> None:
    """Forecast sensor after sensor; one that fails is told and the others go on, but the command fails."""
    from rich.console import Console
    from rich.progress import Progress

    from flexmeasures.errors import FlexMeasuresError
    from flexmeasures.forecasting import forecast_past, horizons_for

    lines, failed = [], 0
    with Progress(console=Console(stderr=True)) as progress:
        for sensor in sensors:
            task = progress.add_task(sensor.name, total=None)
            wanted = horizons or horizons_for(sensor.event_resolution)

            def show(done: int, all_of_them: int, task: Any = task) -> None:
                progress.update(task, completed=done, total=all_of_them)

            try:
                summaries = forecast_past(sensor, start, end, wanted, knowledge=knowledge, progress=show)
            except FlexMeasuresError as error:
                failed += 1
                lines.append(f"{sensor.name}: not forecast: {error}")
            else:
                lines += [f"{sensor.name}: {_summary_text(summary)}" for summary in summaries]
    click.echo(f"Forecasts of {_local(start)} to {_local(end)}, knowledge: {knowledge}.")
    click.echo("\n".join(lines))
    if failed:
        raise click.ClickException(f"{failed} of {len(sensors)} sensors were not forecast, see above.")


def _local(moment: datetime) -> str:
    """A time as the platform's clocks show it, with their UTC offset."""
    from flask import current_app

    from flexmeasures.timing import timezone

    zone = timezone(current_app.config["FLEXMEASURES_TIMEZONE"], "FLEXMEASURES_TIMEZONE")
    return moment.astimezone(zone).isoformat(sep=" ", timespec="minutes")


def _summary_text(summary: Any) -> str:
    """One line about the forecasts of one horizon."""
    from flexmeasures.timing import iso_duration

    ahead = f"{iso_duration(summary.horizon)} ahead"
    if not summary.algorithm:
        return f"{ahead}: no forecasts. {summary.note}"
    note = f" ({summary.note})" if summary.note else ""
    return f"{ahead} by {summary.algorithm}: {summary.stored} stored, {summary.skipped} there already{note}"
