"""What can be posted as values, and what is refused before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_client import Series, weather_address
from flexmeasures_client.series import as_series, iso_duration, parse_duration

START = datetime(2026, 3, 29, tzinfo=UTC)
HOUR = timedelta(hours=1)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4000)))
def test_durations_are_read_as_they_are_written(duration: timedelta) -> None:
    assert parse_duration(iso_duration(duration)) == duration
    assert iso_duration(-duration) in (f"-{iso_duration(duration)}", iso_duration(duration))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P1D", timedelta(days=1)),
        ("PT1H30M", timedelta(hours=1.5)),
        ("P2DT15M", timedelta(days=2, minutes=15)),
    ],
)
def test_durations_of_the_server_are_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["P", "PT", "P1M", "P1Y", "15M", "-PT5M", ""])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


def test_a_regular_pandas_series_keeps_its_moments_through_a_change_of_clocks() -> None:
    index = pd.date_range("2026-03-29", periods=23, freq="h", tz="Europe/Amsterdam")
    series = as_series(pd.Series(range(23), index=index), None, None)
    assert (series.resolution, len(series)) == (HOUR, 23)
    assert series.start.astimezone(UTC) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert list(as_series(series.to_pandas(), None, None).values) == list(range(23))


@pytest.mark.parametrize(
    ("values", "start", "resolution", "words"),
    [
        ([1, float("nan")], START, HOUR, r"values\[1\] is nan"),
        ([None], START, HOUR, r"values\[0\] is None"),
        ([1, float("inf")], START, HOUR, r"values\[1\] is inf"),
        ([], START, HOUR, "values are empty"),
        ([1], START.replace(tzinfo=None), HOUR, "start .* no UTC offset"),
        ([1], None, HOUR, "start and resolution are needed"),
        ([1], START, -HOUR, "resolution .* positive"),
        (pd.Series([1.0, 2.0], index=pd.date_range("2026-01-01", periods=2)), None, None, "no UTC offset"),
        (pd.Series([1.0], index=[pd.Timestamp(START)]), None, None, "resolution is needed"),
        (pd.Series([], dtype=float), None, HOUR, "empty"),
        (pd.Series([1.0] * 2, index=pd.date_range(START, periods=2)), None, HOUR, "apart"),
        (
            pd.Series([1.0] * 3, index=[pd.Timestamp(START) + k * HOUR for k in (0, 1, 3)]),
            None,
            None,
            "not regular",
        ),
    ],
)
def test_what_cannot_be_sent_is_a_value_error_that_names_it(
    values: object, start: datetime | None, resolution: timedelta | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        as_series(values, start, resolution)


def test_a_series_gives_its_slots_with_their_values() -> None:
    series = Series(datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam")), HOUR, [1.0, None])
    assert [value for _, value in series] == [1.0, None]
    assert (series.duration, series.end - series.start) == (2 * HOUR, 2 * HOUR)


def test_addresses_of_weather_sensors_hold_the_exact_place() -> None:
    assert weather_address("temperature", 33.4843866, -0.00001).endswith(":temperature:33.4843866:-0.00001")
