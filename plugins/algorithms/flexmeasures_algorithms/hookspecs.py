"""Hooks about algorithms of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.markers import hookspec

if TYPE_CHECKING:
    from flexmeasures_algorithms.facts import SensorFacts


@hookspec(firstresult=True)
def choose_algorithm(kind: str, sensor: SensorFacts) -> str | None:
    """Called each time that a job is made: name of the "scheduler" or "forecaster" for this sensor."""
