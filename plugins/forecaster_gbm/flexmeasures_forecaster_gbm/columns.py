"""The columns of trees: those of the linear regression, without what only a straight line needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from flexmeasures_regression.calendars import Calendar
from flexmeasures_regression.design_matrix import Design
from flexmeasures_regression.event_data import EventData
from flexmeasures_regression.feature_blocks import PLAIN, Block, Columns, Hours, Sunlight, Weather
from flexmeasures_regression.features import DAY_MS, HOUR_MS, Ints, local_ms


@dataclass(frozen=True)
class Clock:
    """The hour of the local day with its fraction, the day of the week (0 = Monday), and the type of day."""

    calendar: Calendar

    def __call__(self, scene: EventData, slots: Ints) -> list[Columns]:
        local = local_ms(scene.past.starts_ms(slots), self.calendar.timezone)
        columns = [local % DAY_MS / HOUR_MS]
        if self.calendar.weekly:
            days = local // DAY_MS
            columns += [each.astype(np.float64) for each in ((days + 3) % 7, self.calendar.types(days))]
        return [(PLAIN, np.stack(columns, axis=1))]


def for_trees(design: Design) -> Design:
    """The same lags and blocks without bends and dummies: a tree finds thresholds and hours by itself."""
    return replace(design, blocks=tuple(dict.fromkeys(map(_plain, design.blocks))))


def _plain(block: Block) -> Block:
    match block:
        case Hours():
            return Clock(block.calendar)
        case Weather():
            return replace(block, bends=())
        case Sunlight():
            return replace(block, hours=(), bends=())
        case _:
            return block
