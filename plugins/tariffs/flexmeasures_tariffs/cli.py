"""`flexmeasures add tariff` and `flexmeasures show tariffs`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from flexmeasures.cli import with_app


@click.command("tariff")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_app
def add_tariff(file: Path) -> None:
    """Add the tariff of a TOML FILE, or change the one of that name; its prices are computed at once."""
    from flexmeasures.db import writing
    from flexmeasures_tariffs.computing import compute
    from flexmeasures_tariffs.managing import put_tariff

    with writing():
        market, tariff = put_tariff(_read(file))
        count = compute(market, tariff)
    click.echo(f"Tariff {market.name} (ID:{market.id}) in {market.unit}: {count} prices were computed.")
    if count == 0:
        click.echo("They follow as soon as the markets have prices that it is computed from.")
    click.echo(
        f"Let assets pay it: flexmeasures add asset --market-id {market.id}, or PATCH /api/v2_0/asset/<id>."
    )


def _read(file: Path) -> dict[str, Any]:
    import tomllib

    from flexmeasures.errors import InputError

    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{file} is not TOML: {error}.", "FILE", "a file as docs/howto/tariffs.md says"
        ) from None
    for version in data.get("versions", []) if isinstance(data.get("versions"), list) else []:
        if isinstance(version, dict) and "from" in version:
            version["from"] = str(version["from"])
    return data


@click.command("tariffs")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as PUT /api/v2_0/tariff/<name> takes it.")
@with_app
def show_tariffs(as_json: bool) -> None:
    """Show the tariffs, with the parts of their prices."""
    from flexmeasures_tariffs.computing import all_tariffs
    from flexmeasures_tariffs.schema import shown

    found = [shown(market, tariff) | {"id": market.id} for market, tariff in all_tariffs()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("There are no tariffs; see `flexmeasures add tariff`.")
    for each in found:
        click.echo(f"{each['name']} (ID:{each['id']}) in {each['unit']}, {each['timezone']}")
        for version in each["versions"]:
            click.echo(f"  from {version['from']}, {100 * version['vat']:g} % VAT{_limits(version)}")
            for part in version["parts"]:
                click.echo(f"    {part['name']}: {_words(part)}")


def _limits(version: dict[str, Any]) -> str:
    return "".join(f", {name} {version[name]:g}" for name in ("floor", "cap") if name in version)


def _words(part: dict[str, Any]) -> str:
    """What it is, and when it applies."""
    amount = f"{part['price']:g}" if "price" in part else f"{part['factor']:g} x {part['market']}"
    times = [
        f"{name} {', '.join(str(each) for each in part[name])}"
        for name in ("months", "days", "hours")
        if name in part
    ]
    return "; ".join([amount, *times, *(["without VAT"] if part.get("vat") is False else [])])
