"""What needs somebody's attention: values beyond limits, holes in the last day's measurements, old states of charge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from flexmeasures.beliefs import search
from flexmeasures.models import Asset
from flexmeasures.timeseries import TimeSeries
from flexmeasures.timing import floor_time
from flexmeasures_charts.formatting import age, duration
from flexmeasures_translation import gettext, weekday_and_time
from flexmeasures_ui.dashboard.rules import broken_rules

DAY = timedelta(days=1)
# A hole that is shorter than both is the way of meters, and no alert.
HOUR, SLOTS = timedelta(hours=1), 3


@dataclass(frozen=True)
class Alert:
    """What is wrong with an asset, in words."""

    asset: Asset
    text: str


def alerts(
    assets: Sequence[Asset],
    measured: Sequence[Asset],
    powers: Mapping[int, float],
    now: datetime,
    zone: ZoneInfo,
) -> list[Alert]:
    """The alerts about these assets. measured: those that report, of which holes are told; powers: by id, MW."""
    found = [Alert(asset, text) for asset in assets for text in broken_rules(asset, powers.get(asset.id))]
    found += [
        Alert(
            asset,
            gettext(
                "The state of charge is %(age)s.", age=age(asset.soc_datetime, now, asset.event_resolution)
            ),
        )
        for asset in assets
        if asset.soc_datetime is not None and now - asset.soc_datetime > DAY
    ]
    if measured:
        series = search(list(measured), floor_time(now - DAY, HOUR), now, horizon_at_most=timedelta(0))
        holes = ((asset, _longest_hole(series[asset.id])) for asset in measured)
        found += [Alert(asset, _told(hole, zone)) for asset, hole in holes if hole is not None]
    return found


def _longest_hole(series: TimeSeries) -> tuple[datetime, timedelta] | None:
    """Start and length of the longest stretch without values between two values; None for none that matters."""
    known = np.flatnonzero(~np.isnan(series.values))
    if len(known) < 2:
        return None
    between = np.diff(known) - 1
    longest = int(between.argmax())
    length = int(between[longest]) * series.resolution
    if length < HOUR or between[longest] < SLOTS:
        return None
    return series.start + (int(known[longest]) + 1) * series.resolution, length


def _told(hole: tuple[datetime, timedelta], zone: ZoneInfo) -> str:
    start, length = hole
    since = weekday_and_time(start.astimezone(zone))
    return gettext("No data for %(duration)s from %(start)s on.", duration=duration(length), start=since)
