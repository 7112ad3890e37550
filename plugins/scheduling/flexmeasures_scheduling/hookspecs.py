"""Hooks about schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.markers import hookspec
from flexmeasures_scheduling.base import Scheduler

if TYPE_CHECKING:
    from flexmeasures.models import Asset, StoredSchedule


@hookspec
def register_schedulers() -> list[type[Scheduler]]:  # type: ignore[empty-body]
    """Called once in create(): scheduler classes."""


@hookspec
def on_schedule_stored(asset: Asset, schedule: StoredSchedule) -> None:
    """Called after commit of a new schedule."""
