"""Events that ask for a schedule: a state of charge is noted, and a job enqueued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flexmeasures import jobs
from flexmeasures.db import writing
from flexmeasures.errors import (
    InputError,
)
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Asset
from flexmeasures.timing import iso_time
from flexmeasures_algorithms import Choice, choose
from flexmeasures_scheduling.base import Scheduler, Target
from flexmeasures_scheduling.problem_builder import stated_target

if TYPE_CHECKING:
    pass


QUEUE = "scheduling"


FUNCTION = "schedule"


def trigger_schedule(
    asset: Asset,
    event_id: int,
    event_type: str,
    soc_in_mwh: float,
    at: datetime,
    targets: Sequence[Target] = (),
    wishes: Mapping[str, Any] | None = None,
) -> Job:
    """Note an asset's state of charge and ask for ONE schedule; joins `with db.writing():`.

    soc_in_mwh: MWh at the time `at`. targets: MWh at times after it; ignored unless event_type is
    "soc-with-targets". wishes: what else is asked of this schedule (flexibility.KEYS). The scheduler is chosen
    here: raises UnknownAlgorithm when it is not installed.
    """
    with writing():
        record_state(asset, event_id, soc_in_mwh, at)
        choice: Choice[type[Scheduler]] = choose("scheduler", asset)
        wanted = targets if event_type == "soc-with-targets" else ()
        return jobs.enqueue(
            FUNCTION,
            {
                "event_id": event_id,
                "event_type": event_type,
                "datetime": iso_time(at),
                "soc_in_mwh": soc_in_mwh,
                "targets": [stated_target(target) for target in wanted],
                **({"flexibility": dict(wishes)} if wishes else {}),
            },
            queue=QUEUE,
            sensor_id=asset.id,
            event_id=event_id,
            algorithm=choice.algorithm.name,
            because=choice.because,
        )


def record_state(asset: Asset, event_id: int, soc_in_mwh: float, at: datetime) -> None:
    """Note an asset's state of charge (MWh at the time `at`), and ask for nothing; joins `with db.writing():`."""
    if at.tzinfo is None:
        raise InputError("datetime has no UTC offset.", "datetime", "a time with UTC offset")
    with writing():
        asset.soc_in_mwh, asset.soc_datetime, asset.soc_udi_event_id = (
            soc_in_mwh,
            at.astimezone(UTC),
            event_id,
        )
