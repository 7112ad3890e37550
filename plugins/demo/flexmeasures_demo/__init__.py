"""`flexmeasures demo`: real data, forecasts, schedules and pages, in an instance of its own; and demo mode's year.

folder.py looks after the instance folder, data.py reads the shipped data, portfolio.py makes users and
sensors, story.py tells what happens in which order, client.py talks to the API, report.py shows the result.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexmeasures import hookimpl

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.config import Setting


@hookimpl
def register_settings() -> list[Setting]:
    """The year in which demo mode lives."""
    from flexmeasures_demo.year import SETTINGS

    return SETTINGS


@hookimpl
def set_up(app: Flask) -> None:
    """In demo mode, let the domain's clock stand in that year."""
    year = app.config["FLEXMEASURES_DEMO_YEAR"]
    if app.config["FLEXMEASURES_MODE"] == "demo" and year is not None:
        from flexmeasures_demo.year import live_in

        live_in(year)


@click.command()
@click.option(
    "--instance",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the demo's database and files: new, empty, or of an earlier demo. Default: a new one.",
)
@click.option("--no-serve", is_flag=True, help="Stop after the tables instead of serving the pages.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the result as JSON on standard output, and nothing else there.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the pages on 127.0.0.1. Default: any free one.",
)
def demo(instance: Path | None, no_serve: bool, as_json: bool, port: int) -> None:
    """Show everything with real data: forecasts, schedules, pages.

    Makes a new instance with a few months of real measurements, prices and weather, forecasts 1, 6, 24 and
    48 hours ahead, asks for schedules of a battery and a charging station through the API, lets worker
    processes make them, prints what came out, and serves the pages until you press Ctrl-C.
    """
    # Read when numpy is imported: on small matrices, threads that wait for each other cost five times the work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from flexmeasures_demo.run import run

    sys.exit(run(instance, serve=not no_serve, as_json=as_json, port=port))
