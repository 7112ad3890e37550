"""`flexmeasures settings`: every setting, its value and where that comes from."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flexmeasures.config import Configuration


_MASK = "***"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def settings(ctx: click.Context, as_json: bool) -> None:
    """Show all settings, and where they come from.

    Also shows where our default differs from the documented one. Secrets are masked.
    """
    from flexmeasures.cli.root import app_of

    configuration: Configuration = app_of(ctx).extensions["flexmeasures"].configuration
    rows = shown(configuration)
    if as_json:
        import json

        click.echo(json.dumps(rows, indent=2))
        return
    click.echo(f"Instance folder: {configuration.instance}")
    for row in rows:
        click.echo(f"{row['name']} = {row['value']!r}  ({row['origin']})")
        if row["deviation"]:
            click.echo(f"    documented: {row['default']!r}; here: {row['deviation']}")


def shown(configuration: Configuration) -> list[dict[str, Any]]:
    """Every setting as plain values, secrets masked; those that no row describes come last."""
    known = {row.name: row for row in configuration.settings}
    names = [*known, *sorted(configuration.origins.keys() - known.keys() - {"SQLALCHEMY_ENGINES"})]
    rows = []
    for name in names:
        row = known.get(name)
        rows.append(
            {
                "name": name,
                "value": _plain(name, configuration.values[name]),
                "default": None if row is None else _plain(name, row.default),
                "origin": configuration.origins[name],
                "deviation": "" if row is None else row.deviation,
                "help": "" if row is None else row.help,
            }
        )
    return rows


def _plain(name: str, value: Any) -> Any:
    """The value as JSON knows it, without secrets."""
    from flexmeasures.config import is_secret
    from flexmeasures.timing import iso_duration

    if value is None or isinstance(value, bool | int | float):
        return _MASK if is_secret(name.upper()) and value is not None else value
    if is_secret(name.upper()):
        return _MASK if value else value
    if isinstance(value, dict):
        return {str(key): _plain(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(name, inner) for inner in value]
    if isinstance(value, timedelta):
        return iso_duration(value)
    # A password may hold any character but "@", and may also stand in the query.
    text = re.sub(r"(://[^:/@\s]*):[^@\s]*@", rf"\1:{_MASK}@", str(value))
    return re.sub(r"(?i)([?&](?:ssl)?password=)[^&\s]*", rf"\1{_MASK}", text)
