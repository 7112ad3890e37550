"""Forecasts of the past, as they would have been made then."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexmeasures import beliefs, timing
from flexmeasures.db import db, writing
from flexmeasures.errors import AlgorithmError
from flexmeasures.models.sensors import Sensor
from flexmeasures_algorithms import choose, registry_of
from flexmeasures_forecasting.base import Forecaster
from flexmeasures_forecasting.known_data import Knowledge, PastProblems

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats
from flexmeasures_forecasting.fallback import Answer, FallbackChain
from flexmeasures_forecasting.job import _checked_horizons, _store, source_for

log = logging.getLogger(__name__)


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Summary:
    """What became of one horizon: values stored, values that were there already, by whom, and remarks."""

    horizon: timedelta
    stored: int
    skipped: int
    algorithm: str
    note: str = ""


@dataclass
class _Results:
    """Values by horizon and forecaster, one an event of the window, and what was remarked on the way."""

    events: dict[datetime, int]
    values: dict[tuple[timedelta, type[Forecaster]], Floats] = field(default_factory=dict)
    quantiles: dict[tuple[timedelta, type[Forecaster]], dict[float, Floats]] = field(default_factory=dict)
    notes: dict[timedelta, dict[str, set[datetime]]] = field(default_factory=dict)  # by text, the events

    def take(self, answer: Answer) -> None:
        import numpy as np

        for forecast in answer.forecasts:
            key = (forecast.horizon, answer.algorithm)
            values = self.values.setdefault(key, np.full(len(self.events), np.nan))
            slot = self.events[forecast.series.start]
            values[slot] = forecast.series.values[0]
            below = self.quantiles.setdefault(key, {})
            for probability, of_events in forecast.quantiles.items():
                below.setdefault(probability, np.full(len(self.events), np.nan))[slot] = of_events[0]
            for failure in answer.failures:
                text = f"{failure}, so {answer.algorithm.name} stood in"
                self.remark(forecast.horizon, text, forecast.series.start)

    def remark(self, horizon: timedelta, text: str, event: datetime) -> None:
        self.notes.setdefault(horizon, {}).setdefault(text, set()).add(event)

    def note(self, horizon: timedelta) -> str:
        """Remarks, the most frequent first; of many only one, because they differ in times only."""
        notes = self.notes.get(horizon)
        if not notes:
            return ""
        text = max(notes, key=lambda text: len(notes[text]))
        return f"{len(set().union(*notes.values()))} of {len(self.events)} events: {text}"


def forecast_past(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta],
    *,
    knowledge: Knowledge = "event-end",
    forecaster: str | None = None,
    progress: Progress | None = None,
) -> list[Summary]:
    """Forecast the events that start in [start, end), each as known its horizon before its end, and store.

    knowledge: when measurements counted as known, at the event's end ("event-end") or when they were
    recorded ("recorded"). forecaster: its name, otherwise chosen as for jobs. progress: called with the
    number of moments done and all. What is stored already is skipped; events whose moment of forecasting
    is still to come are left out. Where no forecaster has an answer, the summary's note says why.
    """
    horizons = _checked_horizons(horizons)
    if forecaster is not None:
        first = registry_of("forecaster").get(forecaster)
    else:
        choice = choose("forecaster", sensor)
        first = choice.algorithm
    past = PastProblems(sensor, start, end, horizons, knowledge, timing.server_now())
    db.session.commit()
    results = _Results({event: index for index, event in enumerate(past.starts)})
    line = FallbackChain(first)
    for done, moment in enumerate(past.moments, start=1):
        try:
            results.take(line.answer(past.problem(moment)))
        except AlgorithmError as error:
            for horizon in past.moments[moment]:
                event = moment + horizon - sensor.event_resolution
                results.remark(horizon, f"{error}{past.unknown_then(moment)}", event)
        if progress is not None:
            progress(done, len(past.moments))
    with writing():
        return [_keep(sensor, results, past, horizon) for horizon in horizons]


def _keep(sensor: Sensor, results: _Results, past: PastProblems, horizon: timedelta) -> Summary:
    """Store one horizon."""
    stored = skipped = 0
    names: list[str] = []
    for (of, algorithm), values in results.values.items():
        if of == horizon:
            source = source_for(algorithm)
            kept = _store(sensor, values, past.starts[0], source, horizon)
            below = results.quantiles.get((of, algorithm), {})
            beliefs.store_quantiles(sensor, below, past.starts[0], source, horizon)
            stored, skipped = stored + kept.new, skipped + kept.skipped
            names.append(algorithm.name)
    return Summary(horizon, stored, skipped, ", ".join(names), results.note(horizon))
