"""Jobs of forecasts: horizons, quantiles, what is known, and fallbacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from flexmeasures import beliefs, timing
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.models.sensors import Asset, Market
from flexmeasures.models.sources import Source
from flexmeasures_forecasting import (
    forecast_past,
    horizons_for,
    request_forecast,
)

from .conftest import DAY, HOUR, NOW, START, Witness, measure, only_job


@pytest.mark.parametrize(
    ("resolution", "hours"),
    [
        (timedelta(minutes=5), (1, 6, 24, 48)),
        (timedelta(minutes=30), (1, 6, 24, 48)),
        (HOUR, (1, 6, 24, 48)),
        (DAY, (24, 48)),
        (7 * DAY, (168,)),
        (365 * DAY, ()),
    ],
)
@pytest.mark.contract("17.2", "D7")
def test_horizons_follow_the_resolution(resolution: timedelta, hours: tuple[int, ...]) -> None:
    assert horizons_for(resolution) == tuple(hour * HOUR for hour in hours)


@pytest.mark.contract("D8", "17.9")
def test_a_job_stores_forecasts_with_exactly_their_horizon(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [float(hour) for hour in range(24)], NOW - DAY)
    with writing():
        request_forecast(asset, NOW - 2 * HOUR, NOW)
    job = only_job()
    assert (job.state, job.error) == (JobState.FINISHED, None)
    assert (job.algorithm, job.because) == ("witness", "attribute custom-forecaster of sensor the asset")
    assert job.result is not None
    assert job.result["horizons"]["PT6H"] == {"stored": 2, "skipped": 0}
    source = db.session.scalars(select(Source).where(Source.model == "witness")).one()
    assert (source.name, source.type, source.version) == ("Seita", "forecasting script", "1")
    for horizon in horizons_for(HOUR):
        start = NOW - 2 * HOUR + horizon
        said = beliefs.every_belief(asset, start, start + 2 * HOUR, sources=[source.id])
        of_horizon = said.values[said.starts + 3_600_000 - said.recorded == horizon / timing.MILLISECOND]
        assert of_horizon.tolist() == [22.0, 23.0]


def test_the_quantiles_that_are_wished_for_are_stored_beside_the_forecasts(
    here: Flask, make_asset: Callable[..., Asset]
) -> None:
    """By jobs and over the past alike."""
    here.config["FLEXMEASURES_FORECAST_QUANTILES"] = [0.95, 0.25]
    asset = make_asset("candid")
    measure(asset, [1.0] * 24, NOW - DAY)
    with writing():
        request_forecast(asset, NOW - 2 * HOUR, NOW, [HOUR])
    forecast_past(asset, NOW - 4 * HOUR, NOW - 2 * HOUR, [HOUR])
    for start in (NOW - HOUR, NOW - 4 * HOUR):
        found = beliefs.search_quantiles(asset, start, start + 2 * HOUR, [0.25, 0.95], horizon_at_least=HOUR)
        assert found[0.25].values.tolist() == [-1.5, -1.5]
        assert found[0.95].values.tolist() == [5.5, 5.5]


@pytest.mark.parametrize("wrong", [[1], [0.5, -1]])
def test_a_wished_quantile_that_is_no_probability_fails_with_its_name(
    here: Flask, make_asset: Callable[..., Asset], wrong: list[float]
) -> None:
    here.config["FLEXMEASURES_FORECAST_QUANTILES"] = wrong
    with pytest.raises(InputError, match="probability of a quantile"):
        forecast_past(make_asset(), START, START + DAY, [HOUR])


def test_a_waiting_job_is_widened(here: Flask, make_asset: Callable[..., Asset]) -> None:
    here.config["FLEXMEASURES_JOBS"] = ""
    asset = make_asset()
    with writing():
        request_forecast(asset, START, START + HOUR)
        request_forecast(asset, START + 5 * HOUR, START + 6 * HOUR, [3 * HOUR])
    with timing.clock(NOW + HOUR), writing():
        request_forecast(asset, START - HOUR, START)
    job = only_job()
    assert job.arguments == {
        "sensor_id": asset.id,
        "start": (START - HOUR).isoformat(),
        "end": (START + 6 * HOUR).isoformat(),
        "horizons_ms": [3_600_000 * hours for hours in (1, 3, 6, 24, 48)],
        "known_until": (NOW + HOUR).isoformat(),
    }


@pytest.mark.contract("D8")
def test_a_job_does_not_know_what_was_recorded_after_it_was_made(
    here: Flask, make_asset: Callable[..., Asset]
) -> None:
    asset = make_asset()
    measure(asset, [1.0, 1.0], NOW - 2 * HOUR)
    measure(asset, [9.0], NOW - 2 * HOUR, late=3 * HOUR)  # a correction, recorded at NOW + 2 h
    with writing():
        request_forecast(asset, NOW - 2 * HOUR, NOW, [HOUR])
    with timing.clock(NOW + 2 * HOUR), writing():
        request_forecast(asset, NOW - 2 * HOUR, NOW, [HOUR])
    before, after = Witness.seen
    assert before.known_until == NOW
    assert before.history.values[-2:].tolist() == [1.0, 1.0]
    assert after.history.values[-2:].tolist() == [9.0, 1.0]


def test_a_job_records_its_inputs_by_reference(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0, 2.0], NOW - 2 * HOUR)
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    inputs = only_job().inputs
    assert inputs is not None
    (history,) = inputs["series"]
    assert (history["sensor"], history["count"]) == (asset.id, 2)
    assert len(history["sha256"]) == 64


@pytest.mark.contract("17.3")
def test_the_fallback_answers_when_a_forecaster_raises_and_the_job_says_so(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset("broken")
    measure(asset, [4.0], NOW - HOUR)
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    job = only_job()
    assert (job.state, job.algorithm) == (JobState.FINISHED, "witness")
    assert job.result is not None
    assert job.result["fallback"] == "broken failed (ZeroDivisionError: no wind, no division)"
    assert beliefs.search_one(asset, NOW, NOW + HOUR).values.tolist() == [4.0]


def test_a_job_fails_with_every_reason_when_no_fallback_is_left(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("hopeless")
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    job = only_job()
    assert job.state == JobState.FAILED
    assert job.error is not None
    assert "hopeless failed (ZeroDivisionError" in job.error
    assert "broken-too failed (ZeroDivisionError" in job.error


def test_an_answer_to_another_question_is_refused(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("sloppy")
    measure(asset, [4.0], NOW - HOUR)
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    job = only_job()
    assert job.state == JobState.FAILED
    assert job.error is not None
    assert "its answer for the horizon PT1H has 1 values" in job.error


def test_a_wish_for_an_unknown_forecaster_fails_the_job_and_keeps_the_data(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset("oracle")
    with writing():
        measure(asset, [4.0], NOW - HOUR)
        request_forecast(asset, NOW - HOUR, NOW)
    job = only_job()
    assert job.state == JobState.FAILED
    assert job.error is not None
    assert "oracle" in job.error
    assert "witness" in job.error  # among the installed ones
    assert beliefs.search_one(asset, NOW - HOUR, NOW).values.tolist() == [4.0]


def test_sensors_without_horizons_get_no_job(here: Flask) -> None:
    market = db.session.scalars(select(Market)).one()
    with writing():
        assert request_forecast(market, START, START + DAY) is None
    assert db.session.scalars(select(Job)).all() == []


@pytest.mark.parametrize("horizon", [timedelta(0), -HOUR])
def test_a_horizon_of_nothing_or_less_is_refused(
    make_asset: Callable[..., Asset], horizon: timedelta
) -> None:
    with pytest.raises(InputError, match="above zero"):
        forecast_past(make_asset(), START, NOW, [horizon])
