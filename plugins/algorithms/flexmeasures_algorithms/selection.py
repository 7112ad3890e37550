"""Which algorithm for which sensor, and why: the order of wishes that users, clients and plugins have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flask import current_app

from flexmeasures.errors import UnknownAlgorithm
from flexmeasures.runtime import runtime
from flexmeasures_algorithms.facts import facts_of
from flexmeasures_algorithms.registry import Choice, registry_of

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor, SensorType
    from flexmeasures.models.users import User

Kind = Literal["scheduler", "forecaster"]

KINDS: tuple[Kind, ...] = ("scheduler", "forecaster")
SETTINGS = {"scheduler": "FLEXMEASURES_SCHEDULERS", "forecaster": "FLEXMEASURES_FORECASTERS"}


@dataclass(frozen=True)
class SelectionStep:
    """One place where an algorithm may be wished for: where that is, in words, and the wish (None: no wish)."""

    where: str
    preference: Any


def choose(kind: Kind, sensor: Sensor) -> Choice[Any]:
    """The scheduler or forecaster class for a sensor, and because of what in words.

    The first step of walk() with a wish decides, else the first registered algorithm that accepts the
    sensor. It is decided anew each time, so that a wish counts from the next job on. Raises UnknownAlgorithm
    when the name that is wished for is not installed, or when nothing accepts the sensor.
    """
    wishes = ((_name(step, kind), step.where) for step in selection_steps(kind, sensor))
    return registry_of(kind).choose(facts_of(sensor), wishes)


def selection_steps(kind: Kind, sensor: Sensor) -> Iterator[SelectionStep]:
    """Where wishes for a sensor's algorithm may stand, the strongest first.

    The hook choose_algorithm; the attribute `custom-scheduler` (`custom-forecaster`) of the sensor, of its
    owner, of its type; the setting FLEXMEASURES_SCHEDULERS (FLEXMEASURES_FORECASTERS) by type name or "default".
    """
    said = runtime().first("choose_algorithm", kind=kind, sensor=facts_of(sensor))
    yield SelectionStep("a plugin's choose_algorithm", said)
    attribute = attribute_of(kind)
    holders: tuple[tuple[str, Any], ...] = (
        (f"sensor {sensor.name}", sensor),
        ("its owner", sensor.owner),
        (f"type {sensor.type_name}", sensor.type),
    )
    for whose, holder in holders:
        attributes = {} if holder is None else holder.attributes or {}
        yield SelectionStep(f"attribute {attribute} of {whose}", attributes.get(attribute))
    setting = SETTINGS[kind]
    by_type = current_app.config.get(setting) or {}
    for key in (sensor.type_name, "default"):
        yield SelectionStep(f"setting {setting}[{key!r}]", by_type.get(key))


def _name(step: SelectionStep, kind: Kind) -> str | None:
    """The wish as a name; anything else than text is as wrong as a name that nobody has."""
    if step.preference is None or isinstance(step.preference, str):
        return step.preference
    raise UnknownAlgorithm(f"{step.where} is {step.preference!r}, which is not the name of a {kind}.")


def attribute_of(kind: Kind) -> str:
    """Name of the attribute in which a sensor, a user or a sensor type wishes for an algorithm."""
    return f"custom-{kind}"


def set_preference(holder: Sensor | User | SensorType, kind: Kind, name: str | None) -> None:
    """Let a sensor, an owner or a type wish for an algorithm (None: not any more); inside `with db.writing():`.

    Raises UnknownAlgorithm, which names the installed ones.
    """
    attributes = {key: value for key, value in (holder.attributes or {}).items() if key != attribute_of(kind)}
    if name is not None:
        attributes[attribute_of(kind)] = registry_of(kind).get(name).name
    holder.attributes = attributes  # a new one: changes within a JSON value are not noticed
