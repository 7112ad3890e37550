"""`flexmeasures delete`: structure, users, measurements, prognoses. Asks first, tells counts."""

from __future__ import annotations

from typing import Any

import click

from flexmeasures.cli import ask, find_sensors, kind_option, with_app

force_option = click.option("--force", is_flag=True, help="Do not ask.")


@click.command("structure")
@force_option
@with_app
def delete_structure(force: bool) -> None:
    """Delete all sensors (assets, markets, weather sensors), their types and data, and all users."""
    from sqlalchemy import delete as delete_rows
    from sqlalchemy import select

    from flexmeasures import auth
    from flexmeasures import sensors as the_sensors
    from flexmeasures.db import writing
    from flexmeasures.models import Sensor, SensorType, User

    ask("Delete all assets, markets, weather sensors, their types and data, and all users?", force)
    with writing() as session:
        sensors = list(session.scalars(select(Sensor).order_by(Sensor.id.desc())))
        values = sum(the_sensors.delete_sensor(sensor) for sensor in sensors)
        users = list(session.scalars(select(User)))
        for user in users:
            auth.delete_user(user)
        session.flush()
        types = session.execute(delete_rows(SensorType)).rowcount  # type: ignore[attr-defined]
    click.echo(f"Deleted {len(sensors)} sensors with {values} values, {types} types and {len(users)} users.")


def _which(function: Any) -> Any:
    """Options that say of which sensors data are deleted."""
    function = force_option(function)
    function = click.option("--asset", "name", help="Name of one sensor, instead of its id.")(function)
    function = click.option("--asset-id", type=int, help="Id of one sensor. Default: all (of that kind).")(
        function
    )
    return kind_option(function)


@click.command("measurements")
@_which
@with_app
def delete_measurements(kind: str | None, asset_id: int | None, name: str | None, force: bool) -> None:
    """Delete measurements: what was recorded after the fact (horizon of zero or less)."""
    _delete_beliefs("measurements", find_sensors(kind, asset_id, name), force)


@click.command("prognoses")
@_which
@with_app
def delete_prognoses(kind: str | None, asset_id: int | None, name: str | None, force: bool) -> None:
    """Delete forecasts and schedules (horizon above zero), and empty the job queues."""
    from flexmeasures.jobs import QUEUES, clear

    sensors = find_sensors(kind, asset_id, name)
    _delete_beliefs("prognoses", sensors, force)
    for queue in QUEUES:
        click.echo(f"Cleared {clear(queue)} jobs from queue {queue}.")


def _delete_beliefs(what: str, sensors: list[Any], force: bool) -> None:
    from flexmeasures import beliefs
    from flexmeasures.db import writing

    names = ", ".join(f"{sensor.name} (ID:{sensor.id})" for sensor in sensors[:5])
    more = f" and {len(sensors) - 5} more sensors" if len(sensors) > 5 else ""
    ask(f"Delete the {what} of {names or 'no sensors'}{more}?", force)
    with writing():
        count = beliefs.remove(
            sensors=[sensor.id for sensor in sensors],
            measurements=what == "measurements",
            prognoses=what == "prognoses",
        )
    click.echo(f"Deleted {count} {what} of {len(sensors)} sensor{'' if len(sensors) == 1 else 's'}.")
