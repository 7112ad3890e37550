"""`flexmeasures add algorithm`: a scheduler or forecaster for a sensor, an owner or a type, at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flexmeasures.cli import find_sensor, with_app

if TYPE_CHECKING:
    from flexmeasures_algorithms.selection import Kind

KINDS: tuple[Kind, ...] = ("scheduler", "forecaster")

kind_option = click.option("--kind", type=click.Choice(KINDS), help="Kind of algorithm.")


@click.command("algorithm")
@click.argument("algorithm", required=False)
@click.option("--asset-id", type=int, help="For one asset, market or weather sensor.")
@click.option("--owner-id", type=int, help="For all that a user owns.")
@click.option("--asset-type", "type_name", metavar="NAME", help="For all of a type, such as battery.")
@kind_option
@click.option("--remove", is_flag=True, help="Take the wish back (with ALGORITHM: if it is for that one).")
@with_app
def add_algorithm(
    algorithm: str | None,
    asset_id: int | None,
    owner_id: int | None,
    type_name: str | None,
    kind: Any,
    remove: bool,
) -> None:
    """Let an asset, an owner or a type have ALGORITHM from the next job on; no process is restarted.

    A sensor's own wish is stronger than its owner's, and that stronger than its type's. `flexmeasures show
    algorithm` shows what comes of it.
    """
    from flexmeasures.db import writing
    from flexmeasures.errors import InputError
    from flexmeasures_algorithms import set_preference

    with writing():
        whose, holder = _holder(asset_id, owner_id, type_name)
        if remove:
            kinds = _wished_kinds(holder, algorithm, kind, whose)
            for each in kinds:
                set_preference(holder, each, None)
            done = f"{whose} has no wish for a {' or '.join(kinds)} any more."
        elif algorithm is None:
            raise InputError("Which ALGORITHM?", "ALGORITHM", _installed(kind))
        else:
            kind = _kind_of(algorithm, kind)
            set_preference(holder, kind, algorithm)
            done = f"{whose} has {algorithm} as {kind} from the next job on."
    click.echo(done[0].upper() + done[1:])


def _holder(asset_id: int | None, owner_id: int | None, type_name: str | None) -> tuple[str, Any]:
    """Whose wish it is, in words and as the row."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.errors import InputError, NotFound
    from flexmeasures.models import SensorType, User

    if [asset_id, owner_id, type_name].count(None) != 2:
        accepted = "one of --asset-id, --owner-id and --asset-type"
        raise InputError("Who is to have the algorithm?", "--asset-id", accepted)
    if asset_id is not None:
        sensor = find_sensor(asset_id, None, option="--asset")
        return f"{sensor.kind} {sensor.name} (ID:{sensor.id})", sensor
    if owner_id is not None:
        user = db.session.get(User, owner_id)
        if user is None:
            raise NotFound(f"There is no user with id {owner_id}.", "--owner-id", "the id of a user")
        return f"owner {user.username} (ID:{user.id})", user
    types = db.session.scalars(select(SensorType).order_by(SensorType.id)).all()
    found = next((each for each in types if each.name == type_name), None)
    if found is None:
        names = ", ".join(each.name for each in types) or "none yet; run `flexmeasures add structure` first"
        raise NotFound(f"There is no type {type_name!r}.", "--asset-type", names)
    return f"type {found.name}", found


def _kind_of(algorithm: str, kind: str | None) -> str:
    """The kind under which an algorithm is installed; InputError when that is none, or both."""
    from flexmeasures.errors import InputError
    from flexmeasures_algorithms import registry_of

    found = [each for each in KINDS if algorithm in registry_of(each).names() and kind in (None, each)]
    if not found:
        what = kind or "scheduler or forecaster"
        raise InputError(f"No {what} {algorithm!r} is installed.", "ALGORITHM", _installed(kind))
    if len(found) > 1:
        text = f"{algorithm!r} is the name of a scheduler and of a forecaster."
        raise InputError(text, "--kind", "--kind with one of scheduler, forecaster")
    return found[0]


def _installed(kind: str | None) -> str:
    from flexmeasures_algorithms import registry_of

    kinds = [kind] if kind else KINDS
    return "; ".join(f"{each}s: {', '.join(registry_of(each).names()) or 'none'}" for each in kinds)


def _wished_kinds(holder: Any, algorithm: str | None, kind: str | None, whose: str) -> list[Any]:
    """The kinds of which the holder has the wish that is to be taken back; NotFound when there is none."""
    from flexmeasures.errors import NotFound
    from flexmeasures_algorithms import attribute_of

    stored = {each: (holder.attributes or {}).get(attribute_of(each)) for each in KINDS}
    wished = {each: name for each, name in stored.items() if name is not None}
    found = [each for each, name in wished.items() if kind in (None, each) and algorithm in (None, name)]
    if not found:
        has = ", ".join(f"{each} {name}" for each, name in wished.items()) or "none"
        raise NotFound(f"{whose} has no such wish.", "ALGORITHM", f"one that is there ({has})")
    return found
