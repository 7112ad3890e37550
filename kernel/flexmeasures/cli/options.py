"""What commands share: the app, errors in words, options that name a sensor, and asking back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datetime import datetime

Command = TypeVar("Command", bound=Callable[..., Any])

KINDS = {"Asset": "asset", "Market": "market", "WeatherSensor": "weather_sensor"}


def with_app(function: Command) -> Command:
    """Run a command inside the app, made now; what goes wrong reaches the user in words, with exit code 1.

    The same as flask.cli.with_appcontext, but importing flask only when the command runs.
    """

    @click.pass_context
    def inside(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        from flask import current_app
        from flask.cli import ScriptInfo
        from marshmallow import ValidationError

        from flexmeasures.errors import FlexMeasuresError, SettingsError

        if not current_app:
            app = ctx.ensure_object(ScriptInfo).load_app()
            ctx.with_resource(app.app_context())
        try:
            return ctx.invoke(function, *args, **kwargs)
        except SettingsError:
            raise
        except ValidationError as error:
            raise click.ClickException(validation_text(error.messages)) from None
        except FlexMeasuresError as error:
            raise click.ClickException(str(error)) from None

    return update_wrapper(inside, function)  # type: ignore[return-value]


def validation_text(messages: Any) -> str:
    """One line a field: the option it belongs to, and what was wrong with it."""
    if not isinstance(messages, Mapping):
        return " ".join(str(message) for message in messages)
    lines = []
    for field, texts in messages.items():
        option = "" if str(field).startswith("_") else f"--{str(field).replace('_', '-')}: "
        found = texts if isinstance(texts, list) else [texts]
        lines.append(option + " ".join(str(text) for text in found))
    return "\n".join(lines)


def ask(question: str, force: bool) -> None:
    """Go on only if the user says yes, or gave --force."""
    if not force:
        click.confirm(question, abort=True)


def kind_option(function: Command) -> Command:
    """The option --asset-type, which says the kind of sensor that is meant."""
    option: Callable[[Command], Command] = click.option(
        "--asset-type",
        "kind",
        type=click.Choice(list(KINDS), case_sensitive=False),
        help="Kind of sensor.",
    )
    return option(function)


def find_sensors(
    kind: str | None = None, sensor_id: int | None = None, name: str | None = None, *, option: str = "--asset"
) -> list[Any]:
    """Sensors of that kind (a key of KINDS), id and name; NotFound when the one that is named is not there."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.errors import NotFound
    from flexmeasures.models import Sensor

    query = select(Sensor).order_by(Sensor.id)
    wanted = []
    if kind is not None:
        query, wanted = query.where(Sensor.kind == KINDS[kind]), [f"of kind {kind}"]
    if sensor_id is not None:
        query, wanted = query.where(Sensor.id == sensor_id), [*wanted, f"with id {sensor_id}"]
    if name is not None:
        query, wanted = query.where(Sensor.name == name), [*wanted, f"named {name!r}"]
    found = list(db.session.scalars(query))
    if not found and (sensor_id is not None or name is not None):
        field = option if name is not None else f"{option}-id"
        raise NotFound(f"There is no sensor {' '.join(wanted)}.", field, _known(kind))
    return found


def find_sensor(sensor_id: int | None, name: str | None, *, option: str = "--sensor") -> Any:
    """The one sensor with that id or name; InputError when neither or both were given, or several match."""
    from flexmeasures.errors import InputError

    if (sensor_id is None) == (name is None):
        raise InputError(f"Which sensor? Give either {option}-id or {option}.", f"{option}-id")
    found = find_sensors(None, sensor_id, name, option=option)
    if len(found) > 1:
        ids = ", ".join(f"{sensor.id} ({sensor.kind})" for sensor in found)
        raise InputError(f"Several sensors are named {name!r}.", option, f"{option}-id with one of {ids}")
    return found[0]


def _known(kind: str | None) -> str:
    """Ids and names of the first sensors of that kind, for a message."""
    known = [f"{sensor.id} ({sensor.name})" for sensor in find_sensors(kind)]
    more = f" and {len(known) - 10} more" if len(known) > 10 else ""
    return (", ".join(known[:10]) or "none yet; add one first") + more


def parse_minutes(text: str, field: str) -> Any:
    """A duration given in minutes or as ISO 8601, as timedelta."""
    from datetime import timedelta

    from flexmeasures.errors import InputError
    from flexmeasures.timing import parse_duration

    try:
        return timedelta(minutes=float(text))
    except (ValueError, OverflowError):
        pass
    try:
        return parse_duration(text, field=field)
    except InputError:
        accepted = "minutes, such as 15, or an ISO 8601 duration, such as PT15M"
        raise InputError(f"{field} {text!r} is not a duration.", field, accepted) from None


def read_pair(wish: str) -> tuple[str, Any]:
    """Key and value of KEY=VALUE; the value is JSON (a number, true or false), None for nothing."""
    import json

    from flexmeasures.errors import InputError

    key, equals, text = wish.partition("=")
    if not equals:
        raise InputError(f"{wish!r} is not understood.", "KEY=VALUE", "such as charge_efficiency=0.95")
    try:
        return key, json.loads(text) if text else None
    except ValueError:
        raise InputError(f"{key} is {text!r}.", key, "a number, true or false") from None


def period(from_date: datetime, to_date: datetime) -> tuple[datetime, datetime]:
    """From the first day's midnight to the midnight after the last day, in UTC."""
    from datetime import UTC, timedelta

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
