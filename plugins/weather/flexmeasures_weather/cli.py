"""`flexmeasures add external-weather-forecasts`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from flexmeasures.cli import with_app


@click.command("external-weather-forecasts")
@click.option(
    "--location", required=True, help="LAT,LNG; or a region, as LAT,LNG:LAT,LNG (top left, bottom right)."
)
@click.option("--region", default="", help="Name of the region, of which files are put into a folder.")
@click.option(
    "--num-cells", default=1, show_default=True, type=int, help="How many cells a region has at least."
)
@click.option(
    "--method",
    default="hex",
    show_default=True,
    type=click.Choice(["hex", "square"]),
    help="How cells lie: in rows of which every second one is moved by half a cell, or below each other.",
)
@click.option(
    "--store-in-db/--store-as-json-files",
    "in_db",
    default=False,
    help="Store as beliefs of weather sensors, which are made where they are missing, or as files [default: files].",
)
@click.option(
    "--provider", help="Name of the provider [default: FLEXMEASURES_WEATHER_PROVIDER, else the first]."
)
@click.option(
    "--past-days", default=0, show_default=True, type=click.IntRange(0, 92), help="Days before today too."
)
@click.option(
    "--as-issued",
    is_flag=True,
    help="With --past-days: also the forecasts of those days as they were made a day and two before, from which"
    " forecasters learn what is really known ahead.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where files go [default: weather-forecasts].",
)
@with_app
def add_external_weather_forecasts(
    location: str,
    region: str,
    num_cells: int,
    method: Literal["hex", "square"],
    in_db: bool,
    provider: str | None,
    past_days: int,
    as_issued: bool,
    folder: Path | None,
) -> None:
    """Collect weather forecasts of a place, or of the cells of a region, from a provider."""
    from flexmeasures.db import db, writing
    from flexmeasures.errors import FlexMeasuresError, InputError
    from flexmeasures_weather.grid import places_of
    from flexmeasures_weather.importing import Fetched, fetch, store, write_file
    from flexmeasures_weather.providers import PROVIDERS

    places, asked = places_of(location, num_cells, method), PROVIDERS.named(provider)
    db.session.commit()
    into = _folder(folder, region)

    def told(found: Fetched) -> None:
        if not in_db:
            click.echo(f"{found.place}: {write_file(into, found)}")

    if as_issued and not past_days:
        raise InputError("--as-issued is about days before today.", "--past-days", "a number of days, too")
    found, missing = fetch(asked, places, past_days, told, as_issued=as_issued)
    if in_db:
        count = 0
        for each in found:
            with writing() as session:
                count += store(session, asked, [each])
            click.echo(f"{each.place}: {_contents(each)}, {_known(each)}")
        count_of_places = len({each.place for each in found})
        click.echo(
            f"{count} new values of {count_of_places} place{'s' * (count_of_places != 1)}, from {asked.name}."
        )
    if missing:
        raise FlexMeasuresError("No weather for " + "; ".join(missing))


def _folder(folder: Path | None, region: str) -> Path:
    from flexmeasures.errors import InputError

    if region and (Path(region).name != region or region.startswith(".")):
        raise InputError(
            f"--region {region!r} is no name of a folder.", "--region", "letters, digits, - and _"
        )
    return (folder or Path("weather-forecasts")) / region


def _contents(found: Any) -> str:
    forecast = found.forecast
    count = max((len(values) for values in forecast.values.values()), default=0)
    until = forecast.start + count * forecast.resolution
    return f"{', '.join(forecast.values)} from {forecast.start.isoformat()} to {until.isoformat()}"


def _known(found: Any) -> str:
    """When it was known, in words."""
    from flexmeasures.timing import iso_duration

    ahead = found.forecast.horizon
    return (
        f"known at {found.known_at.isoformat()}" if ahead is None else f"known {iso_duration(ahead)} before"
    )
