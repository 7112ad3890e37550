"""Forecasting without look-ahead: jobs, the past, fallbacks, weather, markets, and accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import auth, beliefs, sources, timing
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError, UnknownAlgorithm
from flexmeasures.models.jobs import Job, JobState
from flexmeasures.models.sensors import Asset, Market, Sensor, WeatherSensor
from flexmeasures.models.sources import Source
from flexmeasures.timeseries import TimeSeries
from flexmeasures_algorithms import SensorFacts, registry_of
from flexmeasures_forecasting import (
    HISTORY,
    Forecast,
    Forecaster,
    ForecastingProblem,
    accuracy_of,
    forecast_past,
    horizons_for,
    request_forecast,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + 10 * DAY


class Witness(Forecaster):
    """Repeats the newest slot that each event may use, and keeps what it was given."""

    name = "witness"
    seen: ClassVar[list[ForecastingProblem]] = []

    @classmethod
    def accepts(cls, sensor: SensorFacts) -> bool:
        return False

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        self.seen.append(problem)
        forecasts = []
        for horizon, (start, count) in problem.targets.items():
            first = (start - problem.history.start) // problem.history.resolution
            lead = horizon // problem.history.resolution
            slots = np.arange(first - lead, first - lead + count)
            known = (slots >= 0) & (slots < len(problem.history))
            values = np.full(count, np.nan)
            values[known] = problem.history.values[slots[known]]
            series = TimeSeries(start, problem.history.resolution, values)
            forecasts.append(Forecast(horizon=horizon, series=series))
        return forecasts


class Candid(Witness):
    """Tells a band of 1 around each forecast."""

    name = "candid"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        return [
            replace(of, quantiles={p: of.series.values + 10 * (p - 0.5) for p in problem.quantiles})
            for of in super().forecast(problem)
        ]


class Broken(Witness):
    name = "broken"
    fallback = "witness"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        raise ZeroDivisionError("no wind, no division")


class Hopeless(Broken):
    name = "hopeless"
    fallback = "broken-too"


class BrokenToo(Broken):
    name = "broken-too"
    fallback = None


class Twice(Broken):
    """Fails, as the one that stands in for it does."""

    name = "twice"
    fallback = "broken"


class Sloppy(Witness):
    """Answers for other events than asked."""

    name = "sloppy"

    def forecast(self, problem: ForecastingProblem) -> list[Forecast]:
        return [
            Forecast(horizon=of.horizon, series=TimeSeries(of.series.start + HOUR, HOUR, of.series.values))
            for of in super().forecast(problem)
        ]


OURS = (Witness, Candid, Broken, Hopeless, BrokenToo, Twice, Sloppy)


@pytest.fixture
def here(in_app: Flask) -> Iterator[Flask]:
    """The app at NOW, with our forecasters."""
    Witness.seen.clear()
    for forecaster in OURS:
        registry_of("forecaster").add(forecaster)
    with timing.clock(NOW):
        yield in_app
    registry_of("forecaster").discard(OURS)


@pytest.fixture
def make_asset(here: Flask, prosumer: object) -> Callable[..., Asset]:
    def make(forecaster: str = "witness", kind: str = "building", minutes: int = 60) -> Asset:
        with writing() as session:
            owner = auth.create_user("owner", "owner@example.com", None, ["Prosumer"])
            asset = master_data.create_asset(
                {
                    "name": "the asset",
                    "asset_type_name": kind,
                    "unit": "MW",
                    "owner_id": owner.id,
                    "market_id": session.scalars(select(Market.id)).one(),
                    "event_resolution": minutes,
                    "capacity_in_mw": 1,
                    "latitude": 50,
                    "longitude": 5,
                }
            )
            asset.attributes = {"custom-forecaster": forecaster}
        return asset

    return make


def measure(sensor: Sensor, values: list[float], start: datetime, *, late: timedelta = timedelta(0)) -> None:
    """Store measurements that were recorded `late` after their end."""
    with writing():
        source = sources.get_source("Meter", "script")
        beliefs.store(
            sensor, values, start, sensor.event_resolution, source, horizon=-late, on_existing="replace"
        )


def only_job() -> Job:
    db.session.expire_all()
    return db.session.scalars(select(Job)).one()


# -- which horizons ------------------------------------------------------------------------------------


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


# -- jobs ----------------------------------------------------------------------------------------------


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


# -- the past ------------------------------------------------------------------------------------------


@pytest.mark.contract("D8")
def test_past_events_are_forecast_from_what_had_ended_their_horizon_before(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    measure(asset, [float(hour) for hour in range(48)], START)
    told: list[tuple[int, int]] = []
    summaries = forecast_past(
        asset, START + DAY, START + 2 * DAY, [6 * HOUR, HOUR], progress=lambda *at: told.append(at)
    )
    assert [(of.horizon, of.stored, of.skipped, of.algorithm) for of in summaries] == [
        (HOUR, 24, 0, "witness"),
        (6 * HOUR, 24, 0, "witness"),
    ]
    for problem in Witness.seen:
        assert problem.history.end == problem.known_until
        for horizon, (start, count) in problem.targets.items():
            assert count == 1
            assert problem.known_until == start + HOUR - horizon
    for horizon in (HOUR, 6 * HOUR):
        said = beliefs.search_one(
            asset, START + DAY, START + 2 * DAY, horizon_at_least=horizon, horizon_at_most=horizon
        )
        assert said.values.tolist() == [hour - horizon / HOUR for hour in range(24, 48)]
    assert told[-1] == (29, 29)


@pytest.mark.contract("17.9")
def test_forecasting_the_past_again_skips_what_is_there(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 6 * HOUR, START + 8 * HOUR, [HOUR])
    (again,) = forecast_past(asset, START + 6 * HOUR, START + 9 * HOUR, [HOUR])
    assert (again.stored, again.skipped) == (1, 2)


def test_moments_that_are_still_to_come_are_left_out(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, NOW - DAY)
    near, far = forecast_past(asset, NOW, NOW + DAY, [HOUR, 6 * HOUR])
    assert (near.stored, far.stored) == (1, 6)
    assert max(problem.known_until for problem in Witness.seen) == NOW


def test_a_late_measurement_is_known_from_when_it_was_recorded(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 6, START)
    measure(asset, [2.0], START + 6 * HOUR, late=3 * HOUR)  # recorded when hour 10 begins
    measure(asset, [1.0] * 3, START + 7 * HOUR)
    measure(asset, [7.0], START + HOUR, late=8 * HOUR)  # a correction, recorded when hour 10 begins
    forecast_past(asset, START + 9 * HOUR, START + 11 * HOUR, [HOUR], knowledge="recorded")
    before, after = Witness.seen
    ones = [1.0] * 9
    np.testing.assert_array_equal(before.history.values[-9:], [*ones[:6], np.nan, *ones[:2]])
    np.testing.assert_array_equal(after.history.values[-10:], [1.0, 7.0, *ones[:4], 2.0, *ones[:3]])


def test_by_event_end_a_late_measurement_counts_at_once(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0, 2.0, 3.0], START, late=5 * DAY)
    forecast_past(asset, START + 3 * HOUR, START + 4 * HOUR, [HOUR])
    assert Witness.seen[0].history.values[-3:].tolist() == [1.0, 2.0, 3.0]


def test_history_is_bounded_and_belongs_to_the_problem_alone(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 3 * HOUR, START + 5 * HOUR, [HOUR])
    first, second = Witness.seen
    assert len(first.history) == HISTORY // HOUR
    first.history.values[:] = 5.0
    assert second.history.values[-1] == 1.0


def test_the_summary_tells_how_often_a_fallback_stood_in(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("broken")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (3, "witness")
    assert summary.note.startswith("3 of 3 events: broken failed (ZeroDivisionError")
    assert summary.note.endswith("so witness stood in")


def test_an_event_counts_once_in_the_summary_however_many_forecasters_failed_it(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset("twice")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (3, "witness")
    assert summary.note.startswith("3 of 3 events: ")


def test_the_summary_tells_why_nothing_was_stored(make_asset: Callable[..., Asset]) -> None:
    (summary,) = forecast_past(make_asset("linear-OLS"), START, START + 2 * HOUR, [HOUR])
    assert (summary.stored, summary.algorithm) == (0, "")
    assert "linear-OLS failed (NotEnoughData" in summary.note
    assert "naive failed (NotEnoughData" in summary.note


def test_a_forecaster_can_be_named(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset("linear-OLS")
    measure(asset, [1.0] * 24, START)
    (summary,) = forecast_past(asset, START + 2 * HOUR, START + 5 * HOUR, [HOUR], forecaster="witness")
    assert summary.algorithm == "witness"
    with pytest.raises(UnknownAlgorithm, match="oracle"):
        forecast_past(asset, START, START + DAY, [HOUR], forecaster="oracle")


# -- markets and weather -------------------------------------------------------------------------------


@pytest.mark.contract("17.7")
def test_published_prices_are_outcomes_and_our_forecasts_are_not(here: Flask) -> None:
    with writing():
        market = master_data.create_market(
            {"name": "epex", "unit": "EUR/MWh", "event_resolution": 60, "market_type_name": "day_ahead"}
        )
        publisher = sources.get_source("Exchange", "script")
        beliefs.store(market, [30.0] * 24, NOW, HOUR, publisher, belief_time=NOW - 12 * HOUR)
        ours = sources.get_source("Seita", "forecasting script", "witness", "1")
        beliefs.store(market, [99.0] * 24, NOW, HOUR, ours, horizon=HOUR)
        request_forecast(market, NOW, NOW + DAY, [24 * HOUR])
    assert only_job().state == JobState.FINISHED, only_job().error
    tomorrow = beliefs.search_one(market, NOW + DAY, NOW + 2 * DAY)
    assert tomorrow.values.tolist() == [30.0] * 24


def weather_sensor(name: str, kind: str, latitude: float, minutes: int = 60) -> WeatherSensor:
    return master_data.create_weather_sensor(
        {
            "name": name,
            "weather_sensor_type_name": kind,
            "unit": "°C",
            "event_resolution": minutes,
            "latitude": latitude,
            "longitude": 5,
        }
    )


def explaining(sensor: Sensor) -> dict[str, Sensor]:
    from flexmeasures_forecasting import regressors_of

    return {each.type: each.sensor for each in regressors_of(sensor)}


@pytest.mark.contract("17.5")
def test_the_nearest_weather_of_the_right_type_explains_unless_it_is_far(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    with writing():
        weather_sensor("far", "temperature", 51.5)
    assert explaining(asset) == {}
    with writing():
        near = weather_sensor("near", "temperature", 50.5)
    assert explaining(asset) == {"temperature": near}


@pytest.mark.parametrize("minutes", [30, 60, 120])
def test_weather_is_as_measured_before_and_as_forecast_after_the_moment(
    make_asset: Callable[..., Asset], minutes: int
) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "temperature", 50, minutes)
        provider = sources.get_source("Weather service", "script")
        slot = weather.event_resolution
        count = DAY // slot
        beliefs.store(weather, [20.0] * count, START, slot, provider, horizon=timedelta(0))
        beliefs.store(weather, [18.0] * count, START, slot, provider, horizon=6 * HOUR)
        beliefs.store(weather, [11.0] * count, START, slot, provider, horizon=24 * HOUR)
    measure(asset, [1.0] * 24, START)
    forecast_past(asset, START + 12 * HOUR, START + 13 * HOUR, [HOUR, 8 * HOUR])
    early, late = Witness.seen
    assert early.regressors[0].forecasts[8 * HOUR].values[-1] == 11.0
    assert late.regressors[0].forecasts[HOUR].values[-1] == 18.0
    for problem in (early, late):
        (regressor,) = problem.regressors
        assert (regressor.type, regressor.history.resolution) == ("temperature", HOUR)
        assert problem.known_until - slot < regressor.history.end <= problem.known_until
        ((_, (start, _)),) = problem.targets.items()
        assert next(iter(regressor.forecasts.values())).end == start + HOUR
        known = regressor.history.values[~np.isnan(regressor.history.values)]
        assert set(known) == {20.0}


def test_a_job_gets_the_weather_forecasts_of_each_horizon(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "temperature", 50)
        provider = sources.get_source("Weather service", "script")
        beliefs.store(weather, [15.0] * 48, NOW, HOUR, provider, belief_time=NOW - HOUR)
    measure(asset, [1.0] * 24, NOW - DAY)
    with writing():
        request_forecast(asset, NOW - HOUR, NOW, [HOUR, 6 * HOUR])
    (problem,) = Witness.seen
    assert problem.regressors[0].forecasts[6 * HOUR].values[-1] == 15.0
    assert only_job().state == JobState.FINISHED


def test_an_algorithm_may_read_public_sensors_as_known_then(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        weather = weather_sensor("near", "wind_speed", 50)
    measure(weather, [3.0], START)
    measure(weather, [4.0], START + HOUR)
    measure(asset, [1.0], START)
    forecast_past(asset, START + HOUR, START + 2 * HOUR, [HOUR])
    read = Witness.seen[0].read
    assert read is not None
    np.testing.assert_array_equal(read(weather, START, START + 2 * HOUR).values, [3.0, np.nan])


def test_a_job_tells_of_two_meters_that_differ(make_asset: Callable[..., Asset]) -> None:
    asset = make_asset()
    with writing():
        one, other = (sources.get_source(name, "script") for name in ("One meter", "Other meter"))
        beliefs.store(asset, [1.0] * 24, NOW - DAY, HOUR, one, horizon=timedelta(0))
        beliefs.store(asset, [1.0] * 20 + [3.0] * 4, NOW - DAY, HOUR, other, horizon=timedelta(0))
        request_forecast(asset, NOW - HOUR, NOW, [HOUR])
    (warning,) = only_job().result["warnings"]
    assert "(One meter, Other meter) measure sensor" in warning
    assert "differ about 4 events of the last 30 days" in warning


# -- accuracy ------------------------------------------------------------------------------------------


@pytest.mark.contract("17.11")
def test_accuracy_compares_forecast_and_last_known_value_over_the_same_events(
    make_asset: Callable[..., Asset],
) -> None:
    asset = make_asset()
    measure(asset, [2.0, 4.0, 8.0, 6.0], START)
    with writing():
        source = sources.get_source("Seita", "forecasting script", "any", "1")
        beliefs.store(asset, [4.0, 7.0, 9.0, 5.0], START + HOUR, HOUR, source, horizon=HOUR)
        beliefs.store(asset, [0.0] * 4, START, HOUR, source, horizon=2 * HOUR)
    found = accuracy_of(asset, START, START + 6 * HOUR, HOUR)
    assert found.n == 3
    assert found.one_minus_wape == pytest.approx(1 - (0 + 1 + 3) / 18)
    assert found.naive == pytest.approx(1 - (2 + 4 + 2) / 18)
    assert found.mae == pytest.approx(4 / 3)


def test_accuracy_of_nothing_is_none(make_asset: Callable[..., Asset]) -> None:
    found = accuracy_of(make_asset(), START, START + DAY, HOUR)
    assert (found.one_minus_wape, found.naive, found.mae, found.n) == (None, None, None, 0)
