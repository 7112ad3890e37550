"""Schedules curtailment of wind, sun and load, and processes that can be shifted (documentation, chapter 6.3).

An asset takes part by its attributes: `curtailment` or `process`, see `wishes.py`. `curtailing.py` and
`shifting.py` are numbers in and numbers out; `schedulers.py` reads the problem and words the answer.
"""

from __future__ import annotations

from flexmeasures import hookimpl
from flexmeasures_scheduler_curtail_shift.schedulers import CurtailmentScheduler, ShiftingScheduler
from flexmeasures_scheduling import Scheduler

__all__ = ["CurtailmentScheduler", "ShiftingScheduler", "register_schedulers"]


@hookimpl
def register_schedulers() -> list[type[Scheduler]]:
    """Bring the schedulers `curtailment` and `shifting`, for assets whose attributes ask for them."""
    return [CurtailmentScheduler, ShiftingScheduler]
