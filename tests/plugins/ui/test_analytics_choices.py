"""Analytics: whose word counts, which weather, and how often outcomes lay in the band."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from .conftest import HOUR, START, tell

THEN = START - timedelta(days=100)  # of which the fixtures know nothing
QUARTER = timedelta(minutes=15)
WINDOW = {
    "start_time": THEN.isoformat(),
    "end_time": (THEN + 4 * HOUR).isoformat(),
    "forecast_horizon": "PT6H",
}


@pytest.fixture
def rivals(app: Any, battery: Any) -> dict[str, int]:
    """Two forecasters with ids by model, one newer than the other, and what came to be."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    with app.app_context(), writing():
        tell(battery, [1.0] * 16, THEN)
        ids = {}
        for model, value, ahead in (("early", 3.0, 24), ("late", 2.0, 12)):
            source = sources.get_source("Seita", "forecasting script", model, "1")
            beliefs.store(battery, np.full(16, value), THEN, QUARTER, source, horizon=ahead * HOUR)
            ids[model] = source.id
        band = {0.1: np.full(16, 0.5), 0.9: np.r_[np.full(12, 2.5), np.full(4, 0.9)]}
        late = sources.get_source("Seita", "forecasting script", "late", "1")
        beliefs.store_quantiles(battery, band, THEN, late, 12 * HOUR)
    return ids


@pytest.fixture
def masts(app: Any) -> tuple[str, str]:
    """Names of a near and a far thermometer, of which each told a temperature of its own."""
    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing

    with app.app_context(), writing():
        for name, latitude, value in (("near", 52.38, 7.0), ("far", 53.2, 9.0)):
            fields = {"weather_sensor_type_name": "temperature", "unit": "°C", "event_resolution": 15}
            sensor = master_data.create_weather_sensor(
                fields | {"name": name, "latitude": latitude, "longitude": 4.9}
            )
            tell(sensor, [value] * 16, THEN)
    return "near", "far"


@pytest.fixture
def metrics(client: Any, prosumer: Any, as_user: Any) -> Callable[..., dict[str, Any]]:
    """`metrics(**query)`: by plot, the table as JSON."""

    def asked(**query: str) -> dict[str, Any]:
        with as_user(client, prosumer):
            rows = client.get("/analytics_data/metrics/json", query_string=WINDOW | query).json
        return {row["plot"]: row for row in rows}

    return asked


def test_the_newest_expectation_counts_until_a_source_is_chosen(
    rivals: dict[str, int], metrics: Callable[..., dict[str, Any]]
) -> None:
    both = ",".join(f"power-expected-{each}" for each in rivals.values())
    assert metrics()["power"]["mae"] == 1
    assert metrics(sources=f"power-expected-{rivals['early']}")["power"]["mae"] == 2
    assert metrics(sources=both)["power"]["mae"] == 1
    nobody = metrics(sources="power-expected-999999")["power"]
    assert (nobody["expected"], nobody["realised"]) == (None, 4)
    assert metrics(sources="power-realised-999999")["power"]["realised"] is None


def test_the_chart_of_power_shows_the_chosen_source(
    client: Any, rivals: dict[str, int], prosumer: Any, as_user: Any
) -> None:
    shown = {}
    with as_user(client, prosumer):
        for model, number in rivals.items():
            query = WINDOW | {"sources": f"power-expected-{number}"}
            shown[model] = client.get("/analytics/chart/power.json", query_string=query).text
    assert shown["early"] != shown["late"]


def test_sources_are_offered_where_they_spoke_and_stay_chosen(
    client: Any, rivals: dict[str, int], prosumer: Any, as_user: Any
) -> None:
    early = f"power-expected-{rivals['early']}"
    with as_user(client, prosumer):
        assert "Choose sources" in client.get("/analytics", query_string=WINDOW).text
        page = client.get("/analytics", query_string=WINDOW | {"choose": "sources"}).text
        for said in ("Power, realised", "Power, expected", "Seita (early model v1)", "meter"):
            assert said in page, said
        assert "Power, scheduled" not in page
        assert " checked" not in page
        page = client.get(
            "/analytics", query_string=[*WINDOW.items(), ("sources", ""), ("sources", early)]
        ).text
        assert re.search(f'value="{early}" checked', page)
        assert f"sources={early}" in page  # in the addresses of the charts
        assert re.search(f'value="{early}" checked', client.get("/analytics").text)
        elsewhere = {"start_time": START.isoformat(), "end_time": (START + HOUR).isoformat()}
        page = client.get("/analytics", query_string=elsewhere).text
        assert f"source {rivals['early']}" in page
        assert "nothing in this time" in page
        assert "Choose sources" in client.get("/analytics", query_string={"sources": ""}).text
        assert "Choose sources" in client.get("/analytics").text


@pytest.mark.parametrize(
    "text", ["7", "power-expected", "power-dreamt-7", "costs-expected-7", "power-expected--7"]
)
def test_sources_that_are_not_understood_are_refused(
    client: Any, battery: Any, prosumer: Any, as_user: Any, text: str
) -> None:
    with as_user(client, prosumer):
        answer = client.get("/analytics", query_string=WINDOW | {"sources": text})
    assert answer.status_code == 400
    assert "power-expected-7" in answer.text


def test_coverage_is_the_part_of_what_came_to_be_that_lies_in_the_band(
    client: Any, rivals: dict[str, int], prosumer: Any, as_user: Any, metrics: Callable[..., dict[str, Any]]
) -> None:
    assert metrics()["power"]["coverage"] == 0.75
    assert metrics(sources=f"power-expected-{rivals['early']}")["power"]["coverage"] is None
    days = {
        "end_time": (THEN + timedelta(days=4)).isoformat()
    }  # in slots of an hour, whose quantiles nobody told
    assert metrics(**days)["power"]["coverage"] is None
    with as_user(client, prosumer):
        page = client.get("/analytics", query_string=WINDOW).text
    assert "In the 80 % band" in page
    assert "75.0\u00a0%" in page


def test_another_weather_sensor_than_the_nearest_can_be_chosen(
    client: Any,
    rivals: dict[str, int],
    masts: tuple[str, str],
    prosumer: Any,
    as_user: Any,
    metrics: Callable[..., dict[str, Any]],
) -> None:
    near, far = masts
    assert metrics()["weather"]["realised"] == 7
    assert metrics(weather_sensor=far)["weather"]["realised"] == 9
    assert metrics(weather_sensor=near)["weather"]["realised"] == 7
    assert metrics(weather_sensor="of another type")["weather"]["realised"] == 7
    with as_user(client, prosumer):
        page = client.get("/analytics", query_string=WINDOW | {"weather_sensor": far}).text
        assert re.search(f'<option value="{far}" selected', page)
        assert re.search(f'<option value="{far}" selected', client.get("/analytics").text)
        page = client.get("/analytics", query_string={"weather_sensor": ""}).text
        assert re.search('<option value="" selected>the nearest', page)
        assert re.search('<option value="" selected>the nearest', client.get("/analytics").text)
