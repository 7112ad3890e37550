"""Which scheduler or forecaster a sensor gets, and what algorithms may know and read."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures_algorithms.access import is_open as is_open
    from flexmeasures_algorithms.data_access import fingerprint as fingerprint
    from flexmeasures_algorithms.data_access import reader_for as reader_for
    from flexmeasures_algorithms.facts import Reader as Reader
    from flexmeasures_algorithms.facts import SensorFacts as SensorFacts
    from flexmeasures_algorithms.facts import facts_of as facts_of
    from flexmeasures_algorithms.registry import Choice as Choice
    from flexmeasures_algorithms.registry import Registry as Registry
    from flexmeasures_algorithms.registry import collect as collect
    from flexmeasures_algorithms.registry import registry_of as registry_of
    from flexmeasures_algorithms.selection import attribute_of as attribute_of
    from flexmeasures_algorithms.selection import choose as choose
    from flexmeasures_algorithms.selection import selection_steps as selection_steps
    from flexmeasures_algorithms.selection import set_preference as set_preference

__all__, __getattr__ = door(
    __name__,
    {
        "access": ("is_open",),
        "data_access": (
            "fingerprint",
            "reader_for",
        ),
        "facts": (
            "Reader",
            "SensorFacts",
            "facts_of",
        ),
        "registry": (
            "Choice",
            "Registry",
            "collect",
            "registry_of",
        ),
        "selection": (
            "attribute_of",
            "choose",
            "selection_steps",
            "set_preference",
        ),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who chooses an algorithm."""
    from flexmeasures_algorithms import hookspecs

    return [hookspecs]


@hookimpl
def warm_up() -> None:
    """Let algorithms import what is heavy."""
    from flexmeasures_algorithms.registry import warm_all

    warm_all()
