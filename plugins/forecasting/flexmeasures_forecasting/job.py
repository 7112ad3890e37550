"""Forecasting jobs: requested for windows of events, run, stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.db import db
from flexmeasures.errors import InputError, NotFound, UnknownAlgorithm
from flexmeasures.jobs import Outcome
from flexmeasures.jobs import enqueue_all as enqueue_jobs
from flexmeasures.models.jobs import Job
from flexmeasures.models.sensors import Sensor
from flexmeasures.models.sources import FORECASTING_SCRIPT
from flexmeasures.sources import get_source
from flexmeasures.timing import duration_ms, iso_duration, parse_time
from flexmeasures_algorithms import choose, registry_of
from flexmeasures_forecasting.base import Forecaster
from flexmeasures_forecasting.known_data import present_problem

if TYPE_CHECKING:
    from flexmeasures.models.sources import Source
    from flexmeasures.timeseries import Floats
from flexmeasures_forecasting.fallback import Answer, FallbackChain

log = logging.getLogger(__name__)


PART = 3000  # events that a job forecasts at a time


LOOKS_BACK = timedelta(days=30)  # within which sources are compared


LAST_JOBS = 10  # that are looked through for what regressors helped


MOST_WARNINGS = 10  # about new data that a job tells


FUNCTION = "forecast"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def horizons_for(resolution: timedelta) -> tuple[timedelta, ...]:
    """The horizons that a sensor of this event resolution gets by itself (decision D7); () for none."""
    if timedelta(0) < resolution <= HOUR:
        return (HOUR, 6 * HOUR, 24 * HOUR, 48 * HOUR)
    if resolution == DAY:
        return (24 * HOUR, 48 * HOUR)
    if resolution == 7 * DAY:
        return (168 * HOUR,)
    return ()


def source_for(forecaster: type[Forecaster]) -> Source:
    """The source of a forecaster's beliefs, such as "Seita (linear-OLS model v2)"."""
    return get_source("Seita", FORECASTING_SCRIPT, forecaster.name, forecaster.version)


def request_forecast(
    sensor: Sensor, start: datetime, end: datetime, horizons: Sequence[timedelta] | None = None
) -> Job | None:
    """`enqueue_all` for one sensor; None when it gets no forecasts."""
    jobs = request_forecasts([sensor], start, end, horizons)
    return jobs[0] if jobs else None


def request_forecasts(
    sensors: Sequence[Sensor],
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta] | None = None,
    *,
    warnings: Sequence[str] = (),
) -> list[Job]:
    """Ask for forecasts because of new data in [start, end); to be called inside `with writing():`.

    For each horizon the events of start + horizon to end + horizon are forecast. A job of the sensor that
    is still waiting is widened instead of making another. No job for a sensor that gets no forecasts: its
    resolution has no horizons, or no forecaster is installed. A forecaster that is wished for but not
    installed does not stop the data from being stored: the job fails, and says so. warnings: what is in doubt
    about the new data, which the jobs tell.
    """
    if not registry_of("forecaster").names():
        return []
    asked = [_request(sensor, start, end, horizons, warnings) for sensor in sensors]
    return enqueue_jobs([request for request in asked if request is not None], _widen)


def _request(
    sensor: Sensor,
    start: datetime,
    end: datetime,
    horizons: Sequence[timedelta] | None,
    warnings: Sequence[str],
) -> dict[str, Any] | None:
    """What the job of one sensor is asked for with, None for no job."""
    chosen = horizons_for(sensor.event_resolution) if horizons is None else _checked_horizons(horizons)
    if not chosen:
        return None
    algorithm, because = None, None
    try:
        choice = choose("forecaster", sensor)
        algorithm, because = choice.algorithm.name, choice.because
    except UnknownAlgorithm as error:
        because = str(error)
    return {
        "function": "forecast",
        "arguments": {
            "sensor_id": sensor.id,
            "start": start.isoformat(),
            "end": end.isoformat(),
            "horizons_ms": [duration_ms(horizon) for horizon in chosen],
            "known_until": timing.server_now().isoformat(),
            **({"warnings": list(warnings)} if warnings else {}),
        },
        "queue": "forecasting",
        "sensor_id": sensor.id,
        "event_id": None,
        "merge_key": f"forecast:{sensor.id}",
        "algorithm": algorithm,
        "because": because,
    }


def _checked_horizons(horizons: Sequence[timedelta]) -> tuple[timedelta, ...]:
    for horizon in horizons:
        if horizon <= timedelta(0):
            raise InputError(
                f"A forecast cannot have the horizon {iso_duration(horizon)}.",
                "horizon",
                "a duration above zero",
            )
    return tuple(sorted(set(horizons)))


def _widen(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """One job for both windows and all their horizons, with the newer knowledge."""

    def pick(which: Callable[..., datetime], key: str) -> str:
        return which(parse_time(old[key]), parse_time(new[key])).isoformat()

    warnings = list(dict.fromkeys([*old.get("warnings", ()), *new.get("warnings", ())]))[-MOST_WARNINGS:]
    return {
        "sensor_id": new["sensor_id"],
        "start": pick(min, "start"),
        "end": pick(max, "end"),
        "horizons_ms": sorted({*old["horizons_ms"], *new["horizons_ms"]}),
        "known_until": pick(max, "known_until"),
        **({"warnings": warnings} if warnings else {}),
    }


def forecast_job(job: Job) -> Outcome:
    """The job function "forecast": ask the chosen forecaster, outside of any transaction."""
    asked = job.arguments
    sensor = db.session.get(Sensor, asked["sensor_id"])
    if sensor is None:
        raise NotFound(f"Sensor {asked['sensor_id']} is gone.", "sensor")
    if job.algorithm is None:
        choice = choose("forecaster", sensor)
        chosen, because = choice.algorithm, choice.because
    else:
        chosen, because = registry_of("forecaster").get(job.algorithm), job.because or ""
    known_until, line = parse_time(asked["known_until"]), FallbackChain(chosen)
    answers: list[Answer] = []
    references: list[dict[str, Any]] = []
    for targets in _parts(sensor, _targets(sensor, asked)):
        problem, inputs = present_problem(sensor, targets, known_until)
        db.session.commit()  # what was read is in memory: no transaction stays open while a forecaster works
        answers.append(line.answer(problem))
        references += inputs
    last = answers[-1]
    result: dict[str, Any] = {"forecaster": last.algorithm.name}
    failures = dict.fromkeys(failure for answer in answers for failure in answer.failures)
    if failures:
        result["fallback"] = "; ".join(failures)
    result["notes"] = {iso_duration(forecast.horizon): list(forecast.notes) for forecast in last.forecasts}
    result["regressors"] = {
        iso_duration(forecast.horizon): {kind: round(part, 4) for kind, part in forecast.helps.items()}
        for forecast in last.forecasts
        if forecast.helps
    }
    if doubt := _rival_sources(sensor, known_until):
        result["warnings"] = [doubt]

    def store(job: Job) -> None:
        stored: dict[str, Any] = {}
        for answer in answers:
            source = source_for(answer.algorithm)
            for forecast in answer.forecasts:
                series = forecast.series
                kept = _store(sensor, series.values, series.start, source, forecast.horizon)
                beliefs.store_quantiles(sensor, forecast.quantiles, series.start, source, forecast.horizon)
                of = stored.setdefault(iso_duration(forecast.horizon), {"stored": 0, "skipped": 0})
                of["stored"] += kept.new
                of["skipped"] += kept.skipped
        job.result = {**result, "horizons": stored}

    return Outcome(
        store=store,
        result=result,
        algorithm=last.algorithm.name,
        because=because,
        inputs={"knowledge": "recorded", "known_until": known_until.isoformat(), "series": references},
    )


def _rival_sources(sensor: Sensor, known_until: datetime) -> str | None:
    """That several sources measure the sensor and differ, so that it is chance which of them is learnt from."""
    count, names = beliefs.rivals(sensor, known_until - LOOKS_BACK, known_until)
    db.session.commit()
    if not count:
        return None
    return (
        f"Several sources ({', '.join(names)}) measure sensor {sensor.name} and differ about {count} events of the last"
        f" {LOOKS_BACK.days} days; where they were recorded equally late, the source that was first known counts."
    )


def _parts(
    sensor: Sensor, targets: dict[timedelta, tuple[datetime, int]]
) -> Iterator[dict[timedelta, tuple[datetime, int]]]:
    """The events in parts of at most PART, so that years of new data take no more memory than weeks."""
    count = next(iter(targets.values()))[1]  # of each horizon
    for first in range(0, count, PART):
        yield {
            horizon: (start + first * sensor.event_resolution, min(PART, count - first))
            for horizon, (start, _) in targets.items()
        }


def _targets(sensor: Sensor, asked: dict[str, Any]) -> dict[timedelta, tuple[datetime, int]]:
    """The events of the job's window, shifted by each horizon, on the sensor's grid."""
    resolution = sensor.event_resolution
    start, end = parse_time(asked["start"]), parse_time(asked["end"])
    count = max(1, -((start - end) // resolution))
    horizons = [milliseconds * timing.MILLISECOND for milliseconds in asked["horizons_ms"]]
    return {horizon: (start + -(-horizon // resolution) * resolution, count) for horizon in horizons}


def _store(
    sensor: Sensor, values: Floats, start: datetime, source: Source, horizon: timedelta
) -> beliefs.Stored:
    return beliefs.store(
        sensor, values, start, sensor.event_resolution, source, horizon=horizon, on_existing="skip"
    )


def last_helps(sensor: Sensor) -> tuple[datetime, dict[str, dict[str, float]]] | None:
    """When the newest job that told how much regressors help ended, and what it told, by horizon and type.

    A part of the error that the regressor took away on the weeks before, below 0 where forecasts were better without.
    """
    query = select(Job).where(
        Job.sensor_id == sensor.id, Job.function == FUNCTION, Job.finished_at.is_not(None)
    )
    for job in db.session.scalars(query.order_by(Job.id.desc()).limit(LAST_JOBS)):
        told = (job.result or {}).get("regressors")
        if told and job.finished_at is not None:
            return job.finished_at, told
    return None
