"""Power charts: the conventions of lines, signs, gaps, ticks, and what a browser is not made to run."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pytest

from flexmeasures.runtime import runtime
from flexmeasures_charts import PowerChart
from flexmeasures_charts.data import read
from flexmeasures_charts.formatting import age, duration, number, short, shown, zone_note
from flexmeasures_charts.ticks import labelled_ticks
from flexmeasures_ui.time_window import resolution_for

from .conftest import END, HOUR, NOW, QUARTER, START

DAY = timedelta(days=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def models(thing: Any) -> Iterator[dict[str, Any]]:
    """Every Bokeh model in a JSON item."""
    if isinstance(thing, dict):
        if "attributes" in thing and "name" in thing:
            yield thing
        for value in thing.values():
            yield from models(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from models(value)


def array(encoded: dict[str, Any]) -> np.ndarray[Any, Any]:
    """A column of a Bokeh data source."""
    content = gzip.decompress(base64.b64decode(encoded["array"]["data"]))
    return np.frombuffer(content, dtype=encoded["dtype"])


def attached(*assets: Any) -> tuple[Any, ...]:
    """The assets in the session of this app context."""
    from flexmeasures.db import db
    from flexmeasures.models import Asset

    return tuple(db.session.get_one(Asset, asset.id) for asset in assets)


@pytest.fixture
def item(app: Any, battery: Any) -> dict[str, Any]:
    """The chart of the battery as a Bokeh JSON item."""
    with app.app_context():
        chart = PowerChart(assets=attached(battery), start=START, end=END, resolution=QUARTER)
        drawn: dict[str, Any] = runtime().first("draw_power_chart", chart=chart)
    return drawn


def line(
    item: dict[str, Any], kind: str
) -> tuple[dict[str, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Attributes of the glyph, x and y of the line of that kind."""
    (renderer,) = (
        each["attributes"]
        for each in models(item)
        if each["name"] == "GlyphRenderer"
        and each["attributes"].get("name") == kind
        and each["attributes"]["glyph"]["name"] == "Line"
    )
    columns = dict(renderer["data_source"]["attributes"]["data"]["entries"])
    return renderer["glyph"]["attributes"], array(columns["x"]), array(columns["y"])


def test_the_item_can_be_embedded_and_is_json(item: dict[str, Any]) -> None:
    assert {"target_id", "root_id", "doc"} <= set(item)
    assert json.loads(json.dumps(item, allow_nan=False)) == orjson.loads(orjson.dumps(item))


def test_measured_is_solid_forecast_dashed_and_gaps_are_gaps(item: dict[str, Any]) -> None:
    glyph, x, y = line(item, "measured")
    assert glyph["line_width"] == 1.5
    assert "line_dash" not in glyph
    assert np.isnan(y).sum() == 4 + 72
    assert np.isnan(y[8:12]).all()
    assert x[0] == (START.timestamp() + 450) * 1000
    glyph, _, y = line(item, "forecast")
    assert glyph["line_dash"] == [6, 4]
    assert y.tolist() == [0.25] * 96


def test_the_schedule_is_stepped_and_its_last_step_closed(item: dict[str, Any]) -> None:
    glyph, x, y = line(item, "schedule")
    assert glyph["line_color"] == {"type": "value", "value": "#b0226e"} or glyph["line_color"] == "#b0226e"
    assert x[0] == START.timestamp() * 1000
    assert x[-1] == END.timestamp() * 1000
    assert np.diff(x)[1::2].tolist() == [0] * 95
    assert (y[::2] == y[1::2]).all()


def test_the_price_is_stepped_below(item: dict[str, Any]) -> None:
    _, x, y = line(item, "price")
    assert (y == 50).all()
    assert (x[0], x[-1]) == (START.timestamp() * 1000, END.timestamp() * 1000)


def test_axes_zone_zero_line_and_now_line_are_labelled(item: dict[str, Any]) -> None:
    text = json.dumps(item)
    for label in ("Power, MW (consumption +)", "Price, EUR/MWh", "times in UTC (UTC+0)", "now 12:07"):
        assert label in text
    spans = [each["attributes"] for each in models(item) if each["name"] == "Span"]
    assert {"width", "height"} == {span.get("dimension", "width") for span in spans}
    assert any(span["location"] == NOW.timestamp() * 1000 for span in spans)


@pytest.fixture
def banded(app: Any, battery: Any) -> Any:
    """The battery, with a band around its forecasts, which is not known for some slots."""
    from flexmeasures import beliefs, sources
    from flexmeasures.db import writing

    low = np.full(96, -0.25)
    low[40:44] = np.nan
    with app.app_context(), writing():
        source = sources.get_source("Seita", "forecasting script", "m", "1")
        beliefs.store_quantiles(battery, {0.1: low, 0.9: low + 0.75}, START, source, 6 * HOUR)
    return battery


def areas(item: dict[str, Any]) -> list[tuple[dict[str, Any], list[np.ndarray[Any, Any]]]]:
    found = []
    for each in models(item):
        if each["name"] == "GlyphRenderer" and each["attributes"]["glyph"]["name"] == "VArea":
            columns = dict(each["attributes"]["data_source"]["attributes"]["data"]["entries"])
            glyph = each["attributes"]["glyph"]["attributes"]
            found.append((glyph, [array(columns[name]) for name in ("x", "y1", "y2")]))
    return found


@pytest.mark.parametrize(("positive", "low", "high"), [(True, -0.25, 0.5), (False, -0.5, 0.25)])
def test_the_band_of_a_forecast_is_drawn_around_it_with_gaps(
    app: Any, banded: Any, positive: bool, low: float, high: float
) -> None:
    with app.app_context():
        chart = PowerChart(
            assets=attached(banded),
            start=START,
            end=END,
            resolution=QUARTER,
            consumption_as_positive=positive,
        )
        drawn = areas(runtime().first("draw_power_chart", chart=chart))
    assert [len(columns[0]) for _, columns in drawn] == [40, 52]
    for glyph, (x, lower, higher) in drawn:
        assert glyph["tags"] == ["forecast"]
        assert (lower == low).all()
        assert (higher == high).all()
        assert (np.diff(x) == 900_000).all()


def test_there_is_no_band_without_quantiles_nor_of_coarser_slots(
    app: Any, make_asset: Any, prosumer: Any, store: Any, banded: Any
) -> None:
    plain = make_asset(prosumer, "Plain battery")
    store(plain, np.ones(96), START, "forecast")
    with app.app_context():
        chart = PowerChart(assets=attached(plain), start=START, end=END, resolution=QUARTER)
        assert areas(runtime().first("draw_power_chart", chart=chart)) == []
    with app.app_context():
        chart = PowerChart(assets=attached(banded), start=START, end=END, resolution=HOUR)
        drawn = areas(runtime().first("draw_power_chart", chart=chart))
        assert [glyph for glyph, _ in drawn if glyph["tags"] == ["forecast"]] == []


def test_nothing_in_a_chart_needs_eval(item: dict[str, Any]) -> None:
    names = {each["name"] for each in models(item)}
    assert "Line" in names
    assert not [name for name in names if "CustomJS" in name or "FuncTick" in name]


def test_the_endpoint_gives_the_item(client: Any, as_user: Any, prosumer: Any, battery: Any) -> None:
    with as_user(client, prosumer):
        answer = client.get(f"/assets/{battery.id}/chart.json")
    assert answer.mimetype == "application/json"
    assert {"target_id", "root_id", "doc"} <= set(answer.json)


def test_a_pure_producer_is_shown_with_production_positive(
    app: Any, client: Any, as_user: Any, make_asset: Any, store: Any, prosumer: Any
) -> None:
    panels = make_asset(prosumer, "Roof panels", "solar", capacity_in_mw=0.02)
    store(panels, [-0.005, 0.0], START)
    with as_user(client, prosumer):
        text = client.get(f"/assets/{panels.id}/chart.json").text
    assert "Power, kW (production +)" in text
    with app.app_context():
        chart = PowerChart(
            assets=attached(panels),
            start=START,
            end=START + HOUR,
            resolution=QUARTER,
            consumption_as_positive=False,
        )
        (measured,) = read(chart).power
    assert measured.series.values[:2].tolist() == [5, 0]
    assert np.signbit(measured.series.values[1]) == False  # noqa: E712 (numpy's own bool)


def test_assets_are_summed_unless_apart_and_silent_ones_named(
    app: Any, make_asset: Any, store: Any, prosumer: Any, battery: Any
) -> None:
    building = make_asset(prosumer, "Office", "building")
    silent = make_asset(prosumer, "Silent charger", "one-way_evse")
    store(building, [1.0, np.nan, 1.0, 1.0], START)
    store(building, [2.0] * 4, START, "schedule")
    with app.app_context():
        window = {"start": START, "end": START + HOUR, "resolution": QUARTER}
        together = read(PowerChart(assets=attached(battery, building, silent), **window))  # type: ignore[arg-type]
        plans = read(PowerChart(assets=attached(battery, building), traces="schedules", **window))  # type: ignore[arg-type]
        apart = read(PowerChart(assets=attached(battery, building), traces="power", **window))  # type: ignore[arg-type]
    sums = {each.kind: each.series.values for each in together.power}
    assert sums["measured"] == pytest.approx([1.5, np.nan, 1.5 - 4 / 23, 1.5 - 6 / 23], nan_ok=True)
    assert sums["schedule"].tolist() == [3, 3, 3, 3]
    assert together.left_out == ("Silent charger",)
    assert [each.kind for each in plans.power] == ["measured", "forecast", "schedule", "schedule"]
    assert [each.name for each in apart.power if each.kind == "measured"] == [
        "Cellar battery, measured",
        "Office, measured",
    ]


def test_longer_windows_have_coarser_slots_that_fit() -> None:
    assert resolution_for(DAY, QUARTER) == QUARTER
    assert resolution_for(7 * DAY, QUARTER) == HOUR
    assert resolution_for(30 * DAY, QUARTER) == DAY
    assert resolution_for(300 * DAY, QUARTER) == 7 * DAY
    assert resolution_for(7 * DAY, timedelta(minutes=7)) == timedelta(minutes=7)
    assert resolution_for(7 * DAY, DAY) == DAY


def test_ticks_stand_on_local_times_and_midnight_carries_the_date() -> None:
    start = datetime(2026, 3, 3, 22, tzinfo=UTC)
    ticks = labelled_ticks(start, start + 30 * HOUR, AMSTERDAM)
    labels = list(ticks.values())
    assert labels[:3] == ["Wed 4 Mar", "03:00", "06:00"]
    assert next(iter(ticks)) == datetime(2026, 3, 3, 23, tzinfo=UTC).timestamp() * 1000
    assert len(ticks) <= 13


def test_ticks_on_days_when_clocks_change() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Amsterdam, a day of 25 hours
    ticks = labelled_ticks(start, start + 25 * HOUR, AMSTERDAM)
    assert list(ticks.values()) == [
        "Sun 25 Oct", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "Mon 26 Oct",
    ]  # fmt: skip
    assert np.diff(list(ticks))[0] == 4 * 3600 * 1000


@pytest.mark.parametrize("days", [0.02, 0.2, 1, 7, 28, 100, 365, 1000])
def test_any_window_has_a_few_ticks(days: float) -> None:
    ticks = labelled_ticks(START, START + days * DAY, AMSTERDAM)
    assert 2 <= len(ticks) <= 13


def test_numbers_ages_and_zones_in_words() -> None:
    assert [number(value) for value in (0.0, 1234.5, -0.01234, float("nan"))] == [
        "0",
        "1\u2009234",
        "\u22120.0123",
        "\u2013",
    ]
    assert [short(value) for value in (2.0, 0.05, 1500.0, 100.0)] == ["2", "0.05", "1\u2009500", "100"]
    assert [duration(length) for length in (90 * HOUR, 47 * HOUR, 61 * QUARTER / 15)] == [
        "3 days",
        "47 h",
        "1 h",
    ]
    assert age(NOW - HOUR, NOW) == "1 h old"
    assert age(NOW + QUARTER / 2, NOW, QUARTER) == "now"
    assert age(NOW + HOUR, NOW, QUARTER) == "in 1 h"
    change = datetime(2026, 10, 25, tzinfo=UTC)
    assert zone_note(AMSTERDAM, change, change + DAY) == "times in Europe/Amsterdam (UTC+2 / UTC+1)"
    assert zone_note(ZoneInfo("Asia/Kolkata"), change, change) == "times in Asia/Kolkata (UTC+5:30)"


@pytest.mark.contract("D1")
def test_the_sign_is_flipped_in_one_function() -> None:
    assert shown(1.5, consumption_as_positive=True) == 1.5
    assert shown(1.5, consumption_as_positive=False) == -1.5
    assert str(shown(0.0, consumption_as_positive=False)) == "0.0"


@pytest.mark.parametrize("positive", [True, False])
def test_slots_that_are_coarser_keep_the_least_and_the_largest_measurement(
    app: Any, make_asset: Any, prosumer: Any, store: Any, positive: bool
) -> None:
    asset = make_asset(prosumer, "Busy battery")
    quarters = [1.0, -1.0, 0.5, 0.0, 2.0, 2.0, 2.0, 2.0]
    store(asset, quarters, START)
    store(asset, [3.0], START + 4 * HOUR)
    with app.app_context():
        window = {"assets": attached(asset), "start": START, "end": START + 6 * HOUR}
        chart = PowerChart(**window, resolution=HOUR, consumption_as_positive=positive)
        (measured,) = read(chart).power
        (fine,) = read(PowerChart(**window, resolution=QUARTER)).power
    assert fine.band is None
    assert measured.band is not None
    sign = 1 if positive else -1
    sides = [sorted(pair) for pair in zip(*(side.tolist() for side in measured.band), strict=True)]
    assert sides[:2] == [sorted([-1.0 * sign, 1.0 * sign]), [2.0 * sign, 2.0 * sign]]
    assert sides[4] == [3.0 * sign, 3.0 * sign]
    assert np.isnan(measured.band[0][[2, 3, 5]]).all()


def test_several_assets_have_no_such_area(app: Any, make_asset: Any, prosumer: Any, store: Any) -> None:
    assets = [make_asset(prosumer, name) for name in ("Left battery", "Right battery")]
    for asset in assets:
        store(asset, [1.0, 0.0, 1.0, 0.0], START)
    with app.app_context():
        chart = PowerChart(assets=attached(*assets), start=START, end=START + HOUR, resolution=HOUR)
        assert [line.band for line in read(chart).power] == [None]


def test_the_area_holds_the_mean_of_each_local_day_also_where_clocks_change(
    app: Any, make_asset: Any, prosumer: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_TIMEZONE", "Europe/Amsterdam")
    asset = make_asset(prosumer, "Busy battery")
    start = datetime(2026, 3, 22, 23, tzinfo=UTC)  # midnight there; clocks change on the 29th
    days = 14
    store(asset, np.repeat(np.arange(days * 24) // 24, 4).astype(float), start)
    with app.app_context():
        window = {"assets": attached(asset), "start": start, "end": start + days * DAY}
        (measured,) = read(PowerChart(**window, resolution=DAY)).power
    assert measured.band is not None
    low, high = measured.band
    means = measured.series.values
    assert (low <= means).all()
    assert (means <= high).all()
    assert (low[:6] == high[:6]).all()  # each of these days has one value
