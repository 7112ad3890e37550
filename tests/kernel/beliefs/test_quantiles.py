"""Quantiles of forecasts: stored beside them, found with the newest, removed with them; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import func, select

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models.beliefs import belief_quantile
from flexmeasures.models.sensors import Market
from flexmeasures.models.sources import Source

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 1, tzinfo=UTC)
BAND = (0.1, 0.9)


@pytest.fixture
def market(in_app: Flask) -> Market:
    with writing():
        return master_data.create_market(
            {"name": "epex", "unit": "EUR/MWh", "event_resolution": 60, "market_type_name": "day_ahead"}
        )


@pytest.fixture
def say(market: Market) -> Callable[..., Source]:
    """A forecaster's forecasts of three hours, with or without a band around them."""

    def tell(model: str, hours: int, value: float, width: float | None = 1.0) -> Source:
        with writing():
            source = sources.get_source("Seita", "forecasting script", model, "1")
            values = np.full(3, value)
            beliefs.store(market, values, START, HOUR, source, horizon=hours * HOUR)
            if width is not None:
                band = {0.1: values - width, 0.9: values + width}
                beliefs.store_quantiles(market, band, START, source, hours * HOUR)
        return source

    return tell


def band(market: Market, **filters: object) -> list[list[float]]:
    found = beliefs.search_quantiles(market, START, START + 3 * HOUR, BAND, **filters)  # type: ignore[arg-type]
    return [found[probability].values.tolist() for probability in BAND]


def test_the_band_is_that_of_the_newest_belief(market: Market, say: Callable[..., Source]) -> None:
    say("a", 48, 10.0)
    say("a", 24, 20.0)
    assert band(market) == [[19.0] * 3, [21.0] * 3]
    assert band(market, horizon_at_least=25 * HOUR) == [[9.0] * 3, [11.0] * 3]


def test_as_known_earlier_it_is_the_earlier_one(market: Market, say: Callable[..., Source]) -> None:
    say("a", 48, 10.0)
    say("a", 24, 20.0)
    until = START + HOUR - 24 * HOUR  # when the newer forecast of the first hour was made
    found = beliefs.search_quantiles(market, START, START + 3 * HOUR, BAND, prior=until)
    assert found[0.1].values.tolist() == [19.0, 9.0, 9.0]
    just_before = beliefs.search_quantiles(
        market, START, START + HOUR, BAND, prior=until - timedelta(milliseconds=1)
    )
    assert just_before[0.1].values.tolist() == [9.0]


def test_a_newer_belief_without_a_band_has_none(market: Market, say: Callable[..., Source]) -> None:
    """The band of an older forecast would lie around another value."""
    say("a", 48, 10.0)
    say("b", 24, 20.0, None)
    assert np.isnan(band(market)).all()


def test_only_sources_that_are_asked_for_count(market: Market, say: Callable[..., Source]) -> None:
    first = say("a", 48, 10.0)
    say("b", 24, 20.0)
    assert band(market, sources=[first.id]) == [[9.0] * 3, [11.0] * 3]
    assert np.isnan(band(market, source_types=["user"])).all()
    assert band(market, source_types=["forecasting script"]) == [[19.0] * 3, [21.0] * 3]


def test_what_is_stored_stays_and_what_is_unknown_is_not_stored(
    market: Market, say: Callable[..., Source]
) -> None:
    source = say("a", 24, 10.0)
    with writing():
        other = np.array([0.0, np.nan, 0.0])
        beliefs.store_quantiles(market, {0.1: other, 0.5: other}, START, source, 24 * HOUR)
    assert band(market)[0] == [9.0] * 3
    assert db.session.scalar(select(func.count()).select_from(belief_quantile)) == 6 + 2


def test_quantiles_are_removed_with_their_beliefs(market: Market, say: Callable[..., Source]) -> None:
    source = say("a", 24, 10.0)
    with writing():
        assert beliefs.remove(sources=[source.id], start=START + 2 * HOUR) == 1
    assert db.session.scalar(select(func.count()).select_from(belief_quantile)) == 4
    with writing():
        assert beliefs.remove(sensors=[market.id]) == 2
    assert db.session.scalar(select(func.count()).select_from(belief_quantile)) == 0


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, 10.0])
def test_what_is_no_probability_is_refused(
    market: Market, say: Callable[..., Source], probability: float
) -> None:
    source = say("a", 24, 10.0)
    with pytest.raises(InputError, match="numbers between 0 and 1"), writing():
        beliefs.store_quantiles(market, {probability: np.ones(3)}, START, source, HOUR)
