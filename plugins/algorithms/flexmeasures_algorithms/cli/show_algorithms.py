"""`flexmeasures show`: which algorithms are installed, which one a sensor gets and why, how good forecasts were."""

from __future__ import annotations

import json
from typing import Any

import click

from flexmeasures.cli import find_sensor, with_app
from flexmeasures_algorithms import facts_of
from flexmeasures_algorithms.cli.add_algorithm import KINDS, kind_option

_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command("schedulers")
@_json_option
@with_app
def show_schedulers(as_json: bool) -> None:
    """List the installed schedulers, in the order in which they are asked whether they accept an asset."""
    _list("scheduler", as_json)


@click.command("forecasters")
@_json_option
@with_app
def show_forecasters(as_json: bool) -> None:
    """List the installed forecasters, in the order in which they are asked whether they accept a sensor."""
    _list("forecaster", as_json)


def _list(kind: Any, as_json: bool) -> None:
    import inspect

    from flexmeasures_algorithms import registry_of

    rows = [
        {
            "name": algorithm.name,
            "version": algorithm.version,
            "module": algorithm.__module__,
            "about": (inspect.getdoc(algorithm) or "").partition("\n")[0],
        }
        for algorithm in registry_of(kind).all()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['name']} {row['version']} ({row['module']}): {row['about']}")
    if not rows:
        click.echo(f"No {kind} is installed.")


@click.command("algorithm")
@click.option("--asset-id", required=True, type=int, help="Id of the asset, market or weather sensor.")
@kind_option
@_json_option
@with_app
def show_algorithm(asset_id: int, kind: str | None, as_json: bool) -> None:
    """Show who wishes for which algorithm for a sensor, and which one it gets. The first wish decides."""
    sensor = find_sensor(asset_id, None, option="--asset")
    walks = [_walk(each, sensor) for each in ([kind] if kind else KINDS)]
    if as_json:
        click.echo(json.dumps(walks, indent=2))
        return
    for found in walks:
        click.echo(f"{found['kind'].capitalize()} of {sensor.kind} {sensor.name} (ID:{sensor.id}):")
        for number, step in enumerate(found["steps"], start=1):
            mark = "->" if step["decides"] else "  "
            says = "nothing" if step["says"] is None else step["says"]
            click.echo(f" {mark} {number}. {step['where']}: {says}")
        click.echo(f"    {found['error'] or found['algorithm'] + ', by ' + found['because']}")


def _walk(kind: Any, sensor: Any) -> dict[str, Any]:
    """Each step with what it says, which one decides, and what comes of it."""
    from flexmeasures.errors import UnknownAlgorithm
    from flexmeasures_algorithms import choose, registry_of, selection_steps

    steps = list(selection_steps(kind, sensor))
    said = [(step.where, None if step.preference is None else str(step.preference)) for step in steps]
    accepting = [each.name for each in registry_of(kind).by_themselves(facts_of(sensor))]
    said.append(("the first installed that accepts such a sensor", ", ".join(accepting) or None))
    deciding = next((k for k, (_, says) in enumerate(said) if says is not None), None)
    answer: dict[str, Any] = {"algorithm": None, "because": None, "error": None}
    try:
        choice = choose(kind, sensor)
        answer |= {"algorithm": choice.algorithm.name, "because": choice.because}
    except UnknownAlgorithm as error:
        answer["error"] = str(error)
    rows = [{"where": where, "says": says, "decides": k == deciding} for k, (where, says) in enumerate(said)]
    return {"kind": kind, "steps": rows} | answer
