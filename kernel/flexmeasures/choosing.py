"""Which algorithm for which sensor, and why: the order of wishes that users, clients and plugins have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from flask import current_app

from flexmeasures.algorithms import Choice
from flexmeasures.errors import UnknownAlgorithm
from flexmeasures.platform import platform

if TYPE_CHECKING:
    from flexmeasures.models.sensors import Sensor

Kind = Literal["scheduler", "forecaster"]

SETTINGS = {"scheduler": "FLEXMEASURES_SCHEDULERS", "forecaster": "FLEXMEASURES_FORECASTERS"}


def choose(kind: Kind, sensor: Sensor) -> Choice[Any]:
    """The scheduler or forecaster class for a sensor, and because of what in words.

    The first that answers: hook choose_algorithm, the attribute `custom-scheduler` (`custom-forecaster`) of
    the sensor, of its owner, of its type, the setting FLEXMEASURES_SCHEDULERS (FLEXMEASURES_FORECASTERS) by
    type name or "default", the first registered that accepts the sensor. Raises UnknownAlgorithm when the
    name that is wished for is not installed, or when nothing accepts the sensor.
    """
    registry = platform().schedulers if kind == "scheduler" else platform().forecasters
    return registry.choose(sensor.facts, _wishes(kind, sensor))


def _wishes(kind: Kind, sensor: Sensor) -> Iterator[tuple[str | None, str]]:
    """Pairs of (name or None, because), the strongest first."""
    yield platform().first("choose_algorithm", kind=kind, sensor=sensor.facts), "a plugin's choose_algorithm"
    attribute = f"custom-{kind}"
    holders: tuple[tuple[str, Any], ...] = (
        (f"sensor {sensor.name}", sensor),
        ("its owner", sensor.owner),
        (f"type {sensor.type_name}", sensor.type),
    )
    for whose, holder in holders:
        attributes = {} if holder is None else holder.attributes or {}
        yield _name(attributes.get(attribute), kind, attribute), f"attribute {attribute} of {whose}"
    setting = SETTINGS[kind]
    by_type = current_app.config.get(setting) or {}
    for key in (sensor.type_name, "default"):
        yield _name(by_type.get(key), kind, setting), f"setting {setting}[{key!r}]"


def _name(wish: object, kind: Kind, where: str) -> str | None:
    """The wish as a name; anything else than text is as wrong as a name that nobody has."""
    if wish is None or isinstance(wish, str):
        return wish
    raise UnknownAlgorithm(f"{where} is {wish!r}, which is not the name of a {kind}.")
