"""What schedules say of the hours ahead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from flexmeasures.beliefs import search
from flexmeasures.db import db
from flexmeasures.models import Asset, StoredSchedule
from flexmeasures.models.sources import SCHEDULING_SCRIPT
from flexmeasures.timing import floor_time
from flexmeasures_translation import gettext

AHEAD = timedelta(hours=24)
IDLE = 0.01  # of the capacity: less power than that counts as none
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Plan:
    """The power of one asset that is planned, MW, consumption positive, from `start` on; NaN where nothing is."""

    asset: Asset
    start: datetime
    resolution: timedelta
    powers: tuple[float, ...]

    @property
    def now(self) -> float:
        """What is planned for the first slot, NaN for nothing."""
        return self.powers[0] if self.powers else float("nan")

    def next_action(self, zone: ZoneInfo) -> str:
        """The first stretch of charging or feeding in, in words; "" where none is planned."""
        least = IDLE * (self.asset.capacity_in_mw or 1.0)
        signs = [0 if not abs(power) > least else (1 if power > 0 else -1) for power in self.powers]
        first = next((k for k, sign in enumerate(signs) if sign), None)
        if first is None:
            return ""
        last = first
        while last < len(signs) and signs[last] == signs[first]:
            last += 1
        verb = gettext("consumes") if signs[first] > 0 else gettext("produces")
        begin, end = ((self.start + k * self.resolution).astimezone(zone) for k in (first, last))
        if first == 0:
            return gettext("%(consumes)s until %(time)s", consumes=verb, time=f"{end:%H:%M}")
        return f"{verb} {begin:%H:%M}–{end:%H:%M}"


def plans_of(assets: Sequence[Asset], now: datetime) -> dict[int, Plan]:
    """By id of the asset, what is planned for the next AHEAD; only of those of which something is."""
    ids = {asset.id for asset in assets}
    newest = select(StoredSchedule.sensor_id).where(
        StoredSchedule.start > now - timedelta(days=8), StoredSchedule.start < now + AHEAD
    )
    planned = set(db.session.scalars(newest.distinct())) & ids
    chosen = [asset for asset in assets if asset.id in planned]
    found: dict[int, Plan] = {}
    for resolution in {asset.event_resolution for asset in chosen}:
        same = [asset for asset in chosen if asset.event_resolution == resolution]
        start = floor_time(now, resolution)
        series = search(same, start, start + AHEAD, source_types=(SCHEDULING_SCRIPT,))
        for asset in same:
            powers = tuple(float(power) for power in series[asset.id].values)
            if any(power == power for power in powers):
                found[asset.id] = Plan(asset, start, resolution, powers)
    return found


def count_failed_jobs(now: datetime, ids: Sequence[int]) -> int:
    """How many jobs of these sensors failed for good in the last day."""
    from flexmeasures.models import Job, JobState

    since = now - timedelta(days=1)
    query = select(func.count()).where(
        Job.state == JobState.FAILED, Job.finished_at > since, Job.sensor_id.in_(list(ids))
    )
    return int(db.session.scalar(query) or 0)
