"""`flexmeasures add regressors`: what else explains a sensor when it is forecast."""

from __future__ import annotations

import click

from flexmeasures.cli import find_sensor, with_app


@click.command("regressors")
@click.argument("regressors", nargs=-1, type=int, metavar="[ID]...")
@click.option("--sensor-id", required=True, type=int, help="Id of the sensor that is forecast.")
@click.option(
    "--exclude", multiple=True, metavar="TYPE|ID", help="Weather that is not to explain it; can be repeated."
)
@click.option("--reset", is_flag=True, help="Begin from the defaults of its type.")
@with_app
def add_regressors(
    regressors: tuple[int, ...], sensor_id: int, exclude: tuple[str, ...], reset: bool
) -> None:
    """Let other sensors explain a sensor when it is forecast, such as forecasts of load and wind a price.

    Weather nearby does so without being asked. Prints all that may explain the sensor from now on; a forecaster uses of
    it what is known in time.
    """
    from flexmeasures.db import writing
    from flexmeasures_forecasting import choose_regressors, regressors_of
    from flexmeasures_forecasting.regressors import REGRESSORS

    sensor = find_sensor(sensor_id, None)
    before = {} if reset else (sensor.attributes or {}).get(REGRESSORS) or {}
    excluded = [int(each) if each.isdecimal() else each for each in exclude]
    chosen = {
        "add": [each for each in [*before.get("add", ()), *regressors] if each not in excluded],
        "exclude": [each for each in [*before.get("exclude", ()), *excluded] if each not in regressors],
    }
    with writing():
        choose_regressors(sensor, chosen)
    found = regressors_of(sensor)
    for each in found:
        click.echo(f"{each.type}: sensor {each.sensor.id} ({each.sensor.display_name or each.sensor.name})")
    if not found:
        click.echo(f"Nothing explains sensor {sensor.name} but its own past.")
