"""Searches over events with many beliefs look each slot up, and find the same; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.beliefs import reading, sql
from flexmeasures.db import db, writing
from flexmeasures.models import Market
from flexmeasures.models.beliefs import belief

QUARTER = timedelta(minutes=15)
START = datetime(2026, 3, 1, tzinfo=UTC)
SLOTS, TIMES = 120, 16
OFF_GRID = START + 7 * QUARTER + timedelta(minutes=2)


@pytest.fixture
def markets(in_app: Flask) -> list[Market]:
    """Two markets of which two sources said TIMES values an event, with holes, and one event off the grid."""
    random = np.random.default_rng(1)
    with writing() as session:
        fields = {"unit": "EUR/MWh", "event_resolution": 15, "market_type_name": "day_ahead"}
        made = [master_data.create_market(fields | {"name": name}) for name in ("one", "two")]
        said_by = [sources.get_source(name, "forecasting script", name, "1") for name in ("a", "b")]
        for market in made:
            for k in range(TIMES):
                values = random.normal(50, 10, SLOTS)
                values[random.random(SLOTS) < 0.1] = np.nan
                beliefs.store(market, values, START, QUARTER, said_by[k % 2], horizon=k // 2 * QUARTER)
        beliefs.remove(sensors=[made[0].id], start=START + 7 * QUARTER, end=START + 8 * QUARTER)
        session.execute(
            belief.insert().values(
                sensor_id=made[0].id, source_id=said_by[0].id, event_start=OFF_GRID, horizon=0, value=7.0
            )
        )
    return made


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"horizon_at_least": 3 * QUARTER},
        {"horizon_at_most": timedelta(0)},
        {"horizon_at_least": QUARTER, "horizon_at_most": 2 * QUARTER},
        {"horizon_at_least": 99 * QUARTER},
        {"prior": START + 40 * QUARTER},
        {"sources": "b"},
        {"sources": "nobody"},
        {"prefer_source": "b"},
        {"source_types": ("forecasting script",)},
        {"source_types": ("user",)},
        {"resolution": timedelta(hours=1)},
    ],
    ids=str,
)
def test_a_lookup_by_slot_finds_what_a_scan_finds(
    markets: list[Market], filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = {source.name: source.id for source in db.session.query(sources.Source)}
    asked = dict(filters)
    if "sources" in asked:
        asked["sources"] = [ids.get(asked["sources"], 999_999)]
    if "prefer_source" in asked:
        asked["prefer_source"] = ids[asked["prefer_source"]]
    window = (START - QUARTER / 3, START + (SLOTS + 2) * QUARTER + timedelta(minutes=1))
    looked_up: list[bool] = []
    fetch = sql.fetch
    monkeypatch.setattr(
        sql, "fetch", lambda *a, **more: looked_up.append(more["slots"] is not None) or fetch(*a, **more)
    )
    found = []
    for many in (10**9, 0):
        monkeypatch.setattr(reading, "MANY", many)
        monkeypatch.setattr(reading, "MANY_LATE", many)
        found.append(beliefs.search(markets, *window, **asked))
    assert looked_up == [False, filters.get("source_types") != ("user",)]
    for market in markets:
        scanned, by_slot = (each[market.id] for each in found)
        assert (scanned.start, scanned.resolution) == (by_slot.start, by_slot.resolution)
        np.testing.assert_array_equal(scanned.values, by_slot.values)


def test_few_beliefs_an_event_or_few_events_are_read_at_once(
    markets: list[Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    fetch = sql.fetch
    monkeypatch.setattr(sql, "fetch", lambda *a, **more: asked.append(more["slots"]) or fetch(*a, **more))
    beliefs.search(markets[1], START, START + SLOTS * QUARTER)
    beliefs.search(markets[1], START, START + SLOTS * QUARTER, horizon_at_most=timedelta(0))
    beliefs.search(markets[1], START, START + 4 * QUARTER)
    assert [each is not None for each in asked] == [True, False, False]


def test_a_window_of_years_is_looked_up_as_well(
    markets: list[Market], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MANY", 0)
    found = beliefs.search_one(markets[1], START - timedelta(days=1500), START + SLOTS * QUARTER)
    near = beliefs.search_one(markets[1], START, START + SLOTS * QUARTER)
    assert len(found) == 1500 * 96 + SLOTS
    np.testing.assert_array_equal(found.values[-SLOTS:], near.values)
