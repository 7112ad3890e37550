"""Schedules storage: batteries, one-way and two-way charging stations (documentation, chapter 7.2).

`scheduler.py` reads the problem of one device, `site_plan.py` those of a site, and `wording.py` words the answer.
`model.py` and `site.py` are the mathematics, numbers in and numbers out, whose equations `equations.py` states.
Nothing heavier than the kernel's contracts is imported before the first schedule.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures_scheduler_storage.scheduler import StorageScheduler
from flexmeasures_scheduling import Scheduler

__all__ = ["StorageScheduler", "register_schedulers"]


@hookimpl
def register_schedulers() -> list[type[Scheduler]]:
    """Bring the storage scheduler, for the types battery, one-way_evse and two-way_evse."""
    return [StorageScheduler]
