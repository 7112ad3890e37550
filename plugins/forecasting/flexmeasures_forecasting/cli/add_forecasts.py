"""`flexmeasures add forecasts`: forecasts over a period of the past, made now or by jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensors, kind_option, period, with_app

if TYPE_CHECKING:
    from flexmeasures_forecasting import Knowledge

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
@click.option(
    "--backtest",
    is_flag=True,
    help="Compare forecasters over the period, each as if it were then; forecasts that are stored already stay.",
)
@click.option(
    "--forecaster",
    "forecasters",
    multiple=True,
    help="Name of a forecaster instead of the chosen one; may be repeated. With --backtest the default is all.",
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
    backtest: bool,
    forecasters: tuple[str, ...],
) -> None:
    """Create forecasts. Days begin and end at midnight of FLEXMEASURES_TIMEZONE."""
    sensors = find_sensors(kind, asset_id, name)
    if not sensors:
        raise click.ClickException("There are no sensors to forecast. Add one with `flexmeasures add asset`.")
    start, end = period(from_date, to_date)
    horizons = tuple(timedelta(hours=int(each)) for each in hours) or None
    if as_job and (backtest or forecasters):
        raise click.UsageError("--as-job goes neither with --backtest nor with --forecaster.")
    if as_job:
        _enqueue(sensors, start, end, horizons)
        return
    asked = forecasters or (_installed() if backtest else (None,))
    failed = _forecast(sensors, start, end, horizons, knowledge, asked)
    if backtest:
        _compare(sensors, start, end, horizons)
    if failed:
        raise click.ClickException(f"{failed} of {len(sensors)} sensors were not forecast, see above.")


def _installed() -> tuple[str, ...]:
    from flexmeasures_algorithms import registry_of

    return tuple(registry_of("forecaster").names())


def _compare(
    sensors: list[Any], start: datetime, end: datetime, horizons: tuple[timedelta, ...] | None
) -> None:
    """How good each forecaster was, side by side."""
    from flexmeasures_forecasting import horizons_for, scores
    from flexmeasures_forecasting.cli.show_accuracy import print_scores

    for sensor in sensors:
        found = scores(sensor, start, end, horizons or horizons_for(sensor.event_resolution))
        click.echo(f"{sensor.name} (ID:{sensor.id}):" + ("" if found else " nothing to compare."))
        if found:
            print_scores(found, sensor.unit)


def _enqueue(
    sensors: list[Any], start: datetime, end: datetime, horizons: tuple[timedelta, ...] | None
) -> None:
    """One forecasting job a sensor, all in one transaction.

    A job forecasts what comes each horizon after its window, so the window is set wide enough for all.
    """
    from flexmeasures.db import writing
    from flexmeasures_forecasting import horizons_for, request_forecast

    jobs = {}
    with writing():
        for sensor in sensors:
            wanted = horizons or horizons_for(sensor.event_resolution)
            ahead = max(wanted, default=timedelta(0)), min(wanted, default=timedelta(0))
            jobs[sensor.name] = request_forecast(sensor, start - ahead[0], end - ahead[1], wanted)
    for name, job in jobs.items():
        text = "no forecasts for its resolution" if job is None else f"job {job.id} in queue {job.queue}"
        click.echo(f"{name}: {text}")


def _forecast(
    sensors: list[Any],
    start: datetime,
    end: datetime,
    horizons: tuple[timedelta, ...] | None,
    knowledge: Knowledge,
    forecasters: tuple[str | None, ...],
) -> int:
    """Forecast sensor after sensor; one that fails is told and the others go on. How many failed."""
    from rich.console import Console
    from rich.progress import Progress

    from flexmeasures.errors import FlexMeasuresError
    from flexmeasures_forecasting import forecast_past, horizons_for

    lines, failed = [], 0
    with Progress(console=Console(stderr=True)) as progress:
        for sensor in sensors:
            task = progress.add_task(sensor.name, total=None)
            wanted = horizons or horizons_for(sensor.event_resolution)

            def show(done: int, all_of_them: int, task: Any = task) -> None:
                progress.update(task, completed=done, total=all_of_them)

            try:
                for name in forecasters:
                    summaries = forecast_past(
                        sensor, start, end, wanted, knowledge=knowledge, forecaster=name, progress=show
                    )
                    lines += [f"{sensor.name}: {_summary_text(summary)}" for summary in summaries]
            except FlexMeasuresError as error:
                failed += 1
                lines.append(f"{sensor.name}: not forecast: {error}")
    click.echo(f"Forecasts of {_local(start)} to {_local(end)}, knowledge: {knowledge}.")
    click.echo("\n".join(lines))
    return failed


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
