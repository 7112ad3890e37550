"""`flexmeasures show accuracy`: how good the forecasts of a sensor were, by source and horizon."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensor, with_app

if TYPE_CHECKING:
    from flexmeasures_forecasting import Score

DAY = click.DateTime(formats=["%Y-%m-%d"])
COLUMNS = ("1 - WAPE", "MAE", "RMSE", "bias", "pinball", "in 80 % band", "skill", "skill by day")


@click.command("accuracy")
@click.option("--asset-id", type=int, help="Id of the asset, market or weather sensor.")
@click.option("--asset", "name", help="Its name, instead of its id.")
@click.option("--from-date", type=DAY, help="First day. Default: four weeks before the last one.")
@click.option("--to-date", type=DAY, help="Last day, inclusive. Default: today.")
@click.option("--horizon", "hours", type=click.FloatRange(min=0, min_open=True), multiple=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def show_accuracy(
    asset_id: int | None,
    name: str | None,
    from_date: datetime | None,
    to_date: datetime | None,
    hours: tuple[float, ...],
    as_json: bool,
) -> None:
    """Compare with what happened what each source had said, as known --horizon hours ahead (1, 6, 24, 48).

    Skill is 1 - MAE / the MAE of repeating the newest value, or that of the same time of day.
    """
    from flexmeasures.cli import period
    from flexmeasures.timing import server_now
    from flexmeasures_forecasting import HORIZONS, scores, worse_than_repeating

    sensor = find_sensor(asset_id, name, option="--asset")
    last = to_date or server_now().replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    start, end = period(from_date or last - timedelta(days=27), last)
    horizons = [timedelta(hours=each) for each in hours] or HORIZONS
    found = scores(sensor, start, end, horizons)
    if as_json:
        click.echo(json.dumps([as_dict(score) for score in found], indent=2))
        return
    click.echo(f"Forecasts of {sensor.name} (ID:{sensor.id}), {start.isoformat()} to {end.isoformat()}:")
    if not found:
        click.echo("No source has said anything ahead of these events, or no outcome of them is known.")
        return
    print_scores(found, sensor.unit)
    for text in worse_than_repeating(sensor, end):
        click.secho(f"Warning: {text}", fg="yellow", err=True)


def as_dict(score: Score) -> dict[str, Any]:
    """A score as plain values; times as ISO 8601."""
    from flexmeasures.timing import iso_duration

    numbers = ("n", "mae", "rmse", "bias", "mape", "wape", "one_minus_wape", "skill_naive")
    return (
        {
            "source": score.source.description,
            "source_id": score.source.id,
            "horizon": iso_duration(score.horizon),
        }
        | {name: getattr(score, name) for name in numbers}
        | {name: getattr(score, name) for name in ("skill_seasonal", "pinball", "coverage")}
    )


def print_scores(found: list[Score], unit: str) -> None:
    """A table for people, a row a source and horizon."""
    from rich.console import Console
    from rich.table import Table

    from flexmeasures.timing import iso_duration

    table = Table(title=f"Accuracy (MAE, RMSE, bias and pinball loss in {unit})")
    for heading in ("source", "horizon", "events", *COLUMNS):
        table.add_column(heading, justify="left" if heading in ("source", "horizon") else "right")
    for score in found:
        parts = (score.one_minus_wape, score.coverage, score.skill_naive, score.skill_seasonal)
        wape, inside, naive, seasonal = ("-" if part is None else f"{100 * part:.1f} %" for part in parts)
        sizes = (score.mae, score.rmse, score.bias, score.pinball)
        mae, rmse, bias, pinball = ("-" if size is None else f"{size:.4g}" for size in sizes)
        row = (wape, mae, rmse, bias, pinball, inside, naive, seasonal)
        table.add_row(score.source.description, iso_duration(score.horizon), str(score.n), *row)
    screen = Console()
    if not screen.is_terminal:
        screen.width = 150
    screen.print(table)
