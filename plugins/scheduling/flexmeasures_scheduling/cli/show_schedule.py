"""`flexmeasures show schedule`: what a schedule costs and why, what it saves, and what it would cost otherwise."""

from __future__ import annotations

import json
from typing import Any

import click

from flexmeasures.cli import find_sensor, read_pair, with_app


@click.command("schedule")
@click.option("--asset-id", required=True, type=int, help="Id of the asset.")
@click.option("--event-id", type=int, help="Id of the event; the newest schedule of the asset unless given.")
@click.option(
    "--what-if",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Solve again with this changed, such as capacity_in_mw=0.02. Can be given several times.",
)
@click.option("--slots", is_flag=True, help="Print power, state of charge and cost of each slot.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@with_app
def show_schedule(
    asset_id: int, event_id: int | None, changes: tuple[str, ...], slots: bool, as_json: bool
) -> None:
    """Show what a schedule costs by component, what it saves, and which limits bind."""
    import flexmeasures_scheduling as scheduling

    stored = _stored(asset_id, event_id)
    told = scheduling.explain(stored)
    otherwise = scheduling.what_if(stored, dict(read_pair(each) for each in changes)) if changes else None
    if as_json:
        click.echo(json.dumps(told if otherwise is None else told | {"what_if": otherwise}, indent=2))
        return
    for line in (*_summary(told), *(_table(told) if slots else ())):
        click.echo(line)
    if otherwise is not None:
        for line in _otherwise(otherwise, told["currency"]):
            click.echo(line)


def _stored(asset_id: int, event_id: int | None) -> Any:
    """The schedule of that event of that asset, or its newest one; NotFound."""
    import flexmeasures_scheduling as scheduling
    from flexmeasures.errors import NotFound

    asset = find_sensor(asset_id, None, option="--asset")
    if event_id is not None:
        return scheduling.find_schedule(asset, event_id)
    found = scheduling.newest_schedule(asset)
    if found is None:
        raise NotFound(f"Asset {asset_id} has no schedule.", "--asset-id", "an asset with one")
    return found


def _summary(told: dict[str, Any]) -> list[str]:
    money = told["currency"]
    slots = f"{len(told['values'])} slots of {told['resolution']}"
    lines = [
        f"From {told['start']}, {slots}, {told['status']}, by {told['algorithm']} ({told['because']})",
        f"cost      {told['cost']:12.4f} {money}: {_components(told['costs'])}",
        f"baseline  {told['baseline_cost']:12.4f} {money}: {_components(told['baseline_costs'])}",
        f"saving    {told['saving']:12.4f} {money}",
        _volumes(told["activation"]),
    ]
    for each in told.get("binding", ()):
        lines.append(
            f"binds: {each['words']}, in {len(each['slots'])} slots; one {each['unit']} more would change the"
            f" objective by {each['shadow_price']:.4f} {money}"
        )
    return lines + [f"warning: {text}" for text in told["warnings"]]


def _volumes(used: dict[str, float]) -> str:
    return (
        f"activated {used['net_in_mwh']:12.4f} MWh net, {used['shifted_in_mwh']:.4f} MWh shifted"
        f" ({used['shifted_in_mwh_h']:.4f} MWh*h)"
    )


def _components(costs: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in costs.items())


def _table(told: dict[str, Any]) -> list[str]:
    names = list(told.get("cost_slots", {}))
    rows = zip(
        told["values"],
        told["soc"],
        told["prices"],
        *(told["cost_slots"][name] for name in names),
        strict=True,
    )
    head = ["slot", "MW", "MWh", "price", *names]
    return [" ".join(f"{text:>11}" for text in head)] + [
        " ".join(f"{value:11.5f}" for value in (slot, *row)) for slot, row in enumerate(rows)
    ]


def _otherwise(found: dict[str, Any], money: str) -> list[str]:
    if "conflicts" in found:
        conflict = "; ".join(found["conflicts"])
        return [f"otherwise there is no schedule. These inputs conflict: {conflict}.", *found["advice"]]
    return [
        f"otherwise {found['cost']:12.4f} {money}: {_components(found['costs'])}",
        f"more      {found['more']:12.4f} {money}",
    ]
