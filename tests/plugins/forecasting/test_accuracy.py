"""Accuracy by source and horizon equals that of an independent script, which reads the table itself."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.models.beliefs import belief, belief_quantile
from flexmeasures.models.sensors import WeatherSensor
from flexmeasures_forecasting import Score, scores, worse_than_repeating

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + 10 * DAY
HORIZONS = (HOUR, 6 * HOUR, 24 * HOUR)


@pytest.fixture
def sensor(in_app: Flask) -> WeatherSensor:
    """Twelve days of outcomes with gaps, some of them corrected; forecasts of several sources at several horizons."""
    random = np.random.default_rng(3)
    count = 12 * 24
    truth = 10 + np.cumsum(random.standard_normal(count))
    truth[random.random(count) < 0.05] = np.nan
    with writing():
        made = master_data.create_weather_sensor(
            {
                "name": "there",
                "weather_sensor_type_name": "temperature",
                "unit": "°C",
                "event_resolution": 60,
                "latitude": 50,
                "longitude": 5,
            }
        )
        meter = sources.get_source("Meter", "script")
        first = START - 2 * DAY
        beliefs.store(made, truth + random.standard_normal(count), first, HOUR, meter, horizon=timedelta(0))
        beliefs.store(made, truth, first, HOUR, meter, horizon=-HOUR)
        for name, kind in (
            ("Seita", "forecasting script"),
            ("Service", "script"),
            ("Plan", "scheduling script"),
        ):
            source = sources.get_source(name, kind, "a model", "1")
            for horizon in (HOUR, 7 * HOUR, 30 * HOUR):
                said = truth + random.standard_normal(count)
                said[random.random(count) < 0.1] = np.nan
                beliefs.store(made, said, first, HOUR, source, horizon=horizon)
                if name == "Seita":
                    band = {0.1: said - 1.2, 0.5: said, 0.9: said + 1.2}
                    beliefs.store_quantiles(made, band, first, source, horizon)
    return made


def by_hand(sensor: WeatherSensor, source_id: int, horizon: timedelta) -> dict[str, Any]:
    """All figures with plain loops over the rows of the tables."""
    ahead = horizon // timedelta(milliseconds=1)
    outcome: dict[datetime, tuple[int, float]] = {}
    said: dict[datetime, tuple[int, float]] = {}
    for row in db.session.execute(select(belief).where(belief.c.sensor_id == sensor.id)):
        newest = (row.horizon, row.value)
        if row.horizon <= 0:
            outcome[row.event_start] = min(newest, outcome.get(row.event_start, newest))
        if row.horizon >= ahead and row.source_id == source_id:
            said[row.event_start] = min(newest, said.get(row.event_start, newest))
    below: dict[tuple[datetime, float], float] = {}
    for row in db.session.execute(select(belief_quantile).where(belief_quantile.c.source_id == source_id)):
        if row.event_start in said and said[row.event_start][0] == row.horizon:
            below[row.event_start, row.probability] = row.value
    events = sorted(event for event in said if event in outcome and START <= event < END)
    pairs = [(outcome[event][1], said[event][1]) for event in events]
    errors = [f - y for y, f in pairs]
    banded = [event for event in events if (event, 0.1) in below]
    losses = []
    for event in banded:
        for p in (0.1, 0.5, 0.9):
            difference = outcome[event][1] - below[event, p]
            losses.append(p * difference if difference > 0 else (p - 1) * difference)
    inside = [below[event, 0.1] <= outcome[event][1] <= below[event, 0.9] for event in banded]

    def skill(lag: timedelta) -> float:
        known = [event for event in events if event - lag in outcome]
        ours = sum(abs(said[event][1] - outcome[event][1]) for event in known)
        return 1 - ours / sum(abs(outcome[event - lag][1] - outcome[event][1]) for event in known)

    wape = sum(map(abs, errors)) / sum(abs(y) for y, _ in pairs)
    return {
        "n": len(events),
        "mae": sum(map(abs, errors)) / len(events),
        "rmse": math.sqrt(sum(error**2 for error in errors) / len(events)),
        "bias": sum(errors) / len(events),
        "mape": sum(abs(f - y) / abs(y) for y, f in pairs) / len(events),
        "wape": wape,
        "one_minus_wape": 1 - wape,
        "skill_naive": skill(horizon),
        "skill_seasonal": skill(DAY),
        "pinball": sum(losses) / len(losses) if losses else None,
        "coverage": sum(inside) / len(inside) if inside else None,
    }


@pytest.mark.contract("17.11")
def test_every_figure_equals_that_of_an_independent_script(sensor: WeatherSensor) -> None:
    found = scores(sensor, START, END, HORIZONS)
    named = [(score.source.name, score.horizon) for score in found]
    assert named == [(name, horizon) for name in ("Seita", "Service") for horizon in HORIZONS]
    for score in found:
        for name, value in by_hand(sensor, score.source.id, score.horizon).items():
            if value is None:
                assert getattr(score, name) is None
            else:
                assert getattr(score, name) == pytest.approx(value, abs=1e-9, rel=1e-9), name
    assert {score.coverage is None for score in found[:3]} == {False}
    assert found[0].mae != found[1].mae  # an older forecast counts where the newer came too late


def only(found: list[Score]) -> Score:
    (score,) = found
    return score


def test_figures_that_would_divide_by_nothing_are_none(in_app: Flask) -> None:
    with writing():
        made = master_data.create_weather_sensor(
            {
                "name": "dark",
                "weather_sensor_type_name": "radiation",
                "unit": "kW/m²",
                "event_resolution": 60,
                "latitude": 50,
                "longitude": 5,
            }
        )
        meter, service = (sources.get_source(name, "script") for name in ("Meter", "Service"))
        beliefs.store(made, np.zeros(48), START - DAY, HOUR, meter, horizon=timedelta(0))
        beliefs.store(made, np.ones(24), START, HOUR, service, horizon=HOUR)
    score = only(scores(made, START, START + DAY, [HOUR]))
    assert (score.n, score.mae, score.bias) == (24, 1.0, 1.0)
    assert (score.wape, score.one_minus_wape, score.mape) == (None, None, None)
    assert (score.skill_naive, score.skill_seasonal, score.pinball, score.coverage) == (None,) * 4
    assert scores(made, START, START + DAY, [2 * HOUR]) == []
    assert scores(made, START + 9 * DAY, END, [HOUR]) == []


def test_a_forecaster_that_repeating_would_beat_for_two_weeks_is_named(in_app: Flask) -> None:
    hours = np.arange(21 * 24)
    truth = 10 + 5 * np.sin(2 * np.pi * hours / 24)
    with writing():
        fields = {
            "name": "there",
            "weather_sensor_type_name": "temperature",
            "unit": "°C",
            "event_resolution": 60,
        }
        made = master_data.create_weather_sensor(fields | {"latitude": 50, "longitude": 5})
        beliefs.store(made, truth, START, HOUR, sources.get_source("Meter", "script"), horizon=timedelta(0))
        bad, good = (sources.get_source("Seita", "forecasting script", name, "1") for name in ("bad", "good"))
        # Of each day the mean: worse than the value an hour ago, and than that of the same time of day.
        beliefs.store(made, np.full(len(truth), 10.0), START, HOUR, bad, horizon=HOUR)
        beliefs.store(made, truth, START, HOUR, good, horizon=HOUR)
        young = sources.get_source("Seita", "forecasting script", "young", "1")
        beliefs.store(made, np.full(48, 10.0), START + 19 * DAY, HOUR, young, horizon=HOUR)
    end = START + 21 * DAY
    told = worse_than_repeating(made, end)
    assert [("bad" in text, "good" in text, "young" in text) for text in told] == [(True, False, False)] * 2
    assert "same time of day" in told[1]
    assert "repeating the newest value, PT1H ahead over the two weeks before 2026-03-22T00:00:00Z" in told[0]
    assert worse_than_repeating(made, START) == []
