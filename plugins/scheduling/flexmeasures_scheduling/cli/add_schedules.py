"""`flexmeasures add schedules`: schedules over a period of the past, each by what was known then."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from flexmeasures.cli import find_sensor, parse_minutes, with_app


@click.command("schedules")
@click.option("--asset-id", required=True, type=int, help="Id of the asset.")
@click.option("--start", required=True, help="First run, ISO 8601 with UTC offset.")
@click.option("--end", required=True, help="End of the period, ISO 8601 with UTC offset.")
@click.option("--every", default="PT15M", show_default=True, help="Time between runs: minutes or ISO 8601.")
@click.option("--soc", type=float, default=0.0, show_default=True, help="State of charge at the start, MWh.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def add_schedules(asset_id: int, start: str, end: str, every: str, soc: float, as_json: bool) -> None:
    """Plan an asset anew every so often over a past period, by the prices as known then, and store each plan.

    Prices count as known from when they were recorded, so import them with a horizon. Tells the cost at the prices
    as they came to be, beside perfect foresight and no flexibility. What is planned at the same times replaces
    what was planned before.
    """
    from datetime import UTC

    from rich.console import Console
    from rich.progress import Progress

    from flexmeasures.errors import InputError
    from flexmeasures.timing import parse_time
    from flexmeasures_scheduling import run_backtest

    asset = find_sensor(asset_id, None, option="--asset")
    if asset.kind != "asset":
        raise InputError(f"Sensor {asset_id} is a {asset.kind}.", "--asset-id", "the id of an asset")
    first, last = (
        parse_time(text, name).astimezone(UTC) for text, name in ((start, "--start"), (end, "--end"))
    )
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(asset.name, total=None)

        def show(done: int, all_of_them: int) -> None:
            progress.update(task, completed=done, total=all_of_them)

        rolled = run_backtest(
            asset, first, last, parse_minutes(every, "--every"), soc_in_mwh=soc, progress=show
        )
    if as_json:
        click.echo(json.dumps(asdict(rolled), indent=2))
        return
    for line in _lines(rolled):
        click.echo(line)


def _lines(rolled: Any) -> list[str]:
    money = rolled.currency
    idle = f", {rolled.idle} of them without a price for their first slot" if rolled.idle else ""
    lines = [
        f"{rolled.plans} schedules stored{idle}; state of charge {rolled.start_soc:g} to {rolled.end_soc:g} MWh",
        f"cost at the prices as they came to be  {rolled.cost:14.4f} {money}",
        f"without flexibility                    {rolled.baseline:14.4f} {money}",
    ]
    if rolled.foresight is not None:
        lines.append(f"with perfect foresight                 {rolled.foresight:14.4f} {money}")
        possible = rolled.baseline - rolled.foresight
        if possible > 0:
            share = (rolled.baseline - rolled.cost) / possible
            lines.append(f"saved {share:.1%} of what could have been saved")
    return lines
