"""How good expectations were: realised and expected amounts, and the errors between them (contract 17.11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from flexmeasures_ui.analytics.readings import Pair
from flexmeasures_ui.analytics.sources import COSTS, POWER

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Metrics:
    """Of one plot. realised, expected, scheduled: of all that is known of each, energy in MWh, money, or a mean.

    These are None for nothing; slots: how many have both of the first two. mae: in the unit of the plot. wape: a part
    of 1, None where nothing was realised; mape: of power only, None where a realised value is 0. coverage: the part of
    the realised values that lie in the expected 80 % band, None where nobody told a band.
    """

    name: str
    amount_unit: str
    unit: str
    realised: float | None
    expected: float | None
    scheduled: float | None
    slots: int
    mae: float | None
    wape: float | None
    mape: float | None
    coverage: float | None


def metrics_of(plot: str, pair: Pair) -> Metrics:
    """The metrics of a plot."""
    from flexmeasures_forecasting import coverage_of

    realised, expected = pair.realised.values, pair.expected.values
    if len(realised) != len(expected):
        realised = expected = np.full(0, np.nan)
    both = np.isfinite(realised) & np.isfinite(expected)
    errors, total = np.abs(realised[both] - expected[both]), float(np.abs(realised[both]).sum())
    some = bool(both.any())
    relative = plot == POWER and some and bool((realised[both] != 0).all())
    return Metrics(
        name=pair.name,
        amount_unit="MWh" if plot == POWER else pair.unit,
        unit=pair.unit,
        realised=_amount(plot, pair.realised.values, pair.realised.resolution),
        expected=_amount(plot, pair.expected.values, pair.expected.resolution),
        scheduled=None
        if pair.scheduled is None
        else _amount(plot, pair.scheduled.values, pair.scheduled.resolution),
        slots=int(both.sum()),
        mae=float(errors.mean()) if some else None,
        wape=float(errors.sum() / total) if some and total > 0 else None,
        mape=float((errors / np.abs(realised[both])).mean()) if relative else None,
        coverage=None if pair.band is None else coverage_of(pair.realised.values, *pair.band),
    )


def _amount(plot: str, values: Floats, slot: timedelta) -> float | None:
    """Energy and money are summed, prices and weather averaged."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    if plot == POWER:
        return float(known.sum() * (slot / HOUR))
    return float(known.sum() if plot == COSTS else known.mean())
