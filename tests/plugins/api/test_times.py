"""Periods, resolutions and recording times (contract, sections 7, 10, 11)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.timing import clock
from flexmeasures_api.messages import sensors, times
from flexmeasures_api.messages.status_codes import Refused
from flexmeasures_api.messages.times import Period, Recording, RollingTiming

START = datetime(2015, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def status_of(function: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(Refused) as refusal:
        function(*arguments, **options)
    return refusal.value.status


# -- periods --


@pytest.mark.contract("1.11")
def test_a_period_is_echoed_in_the_clients_offset_with_a_normalised_duration() -> None:
    period = times.read_period({"start": "2015-01-01T15:00:00+09:00", "duration": "PT24H"})
    assert period.echo() == {"start": "2015-01-01T15:00:00+09:00", "duration": "P1D"}
    utc = times.read_period({"start": "2015-01-01T15:00:00+00:00", "duration": "PT90M"})
    assert utc.echo() == {"start": "2015-01-01T15:00:00Z", "duration": "PT1H30M"}


@pytest.mark.contract("7.6", "7.7")
def test_months_count_from_the_start_and_a_space_is_a_plus() -> None:
    period = times.read_period({"start": "2015-02-01T00:00:00 01:00", "duration": "P1M"})
    assert period.duration == timedelta(days=28)


@pytest.mark.parametrize(
    ("start", "duration", "status"),
    [
        (None, "PT1H", "INVALID_PERIOD"),
        ("", "PT1H", "INVALID_PERIOD"),
        ("yesterday", "PT1H", "INVALID_PERIOD"),
        ("2015-01-01", "PT1H", "INVALID_PERIOD"),
        (20150101, "PT1H", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00", "PT1H", "INVALID_TIMEZONE"),
        ("1899-01-01T00:00:00Z", "PT1H", "INVALID_PERIOD"),
        ("2201-01-01T00:00:00Z", "PT1H", "INVALID_PERIOD"),
        ("0001-01-01T00:00:00+14:00", "PT1H", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", None, "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", "15M", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", "PT0H", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", "-PT1H", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", "P301Y", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", "P99999999999D", "INVALID_PERIOD"),
        ("2015-01-01T00:00:00Z", ["PT1H"], "INVALID_PERIOD"),
    ],
)
@pytest.mark.contract("7.6", "7.7")
def test_a_bad_period_is_refused(start: object, duration: object, status: str) -> None:
    message = {"start": start, "duration": duration}
    assert status_of(times.read_period, message) == status


@given(st.text() | st.integers() | st.none() | st.lists(st.integers()))
def test_no_input_makes_times_fail_otherwise_than_by_refusing(anything: object) -> None:
    for key, read in (
        ("start", times.read_period),
        ("duration", times.read_period),
        ("resolution", times.read_resolution),
        ("prior", times.read_prior),
    ):
        message = {"start": "2015-01-01T00:00:00Z", "duration": "PT1H"} | {key: anything}
        http = 200
        try:
            read(message)
        except Refused as refusal:
            http = refusal.http
        assert http in (200, 400)


# -- resolutions --


@pytest.mark.parametrize("text", ["15M", "P1M", "PT0M", "-PT15M", "", 15])
@pytest.mark.contract("10.3")
def test_a_bad_or_nominal_resolution_is_refused(text: object) -> None:
    assert status_of(times.read_resolution, {"resolution": text}) == "INVALID_RESOLUTION"


@given(st.integers(1, 500), st.integers(1, 60), st.integers(1, 8))
def test_a_posted_resolution_is_exact_and_a_multiple_of_what_is_required(
    count: int, minutes: int, repeats: int
) -> None:
    required = timedelta(minutes=minutes)
    duration = count * repeats * required
    assert sensors.posted_resolution(duration, count, required) == repeats * required
    assert (
        status_of(sensors.posted_resolution, duration, count * repeats + 1, required) == "INVALID_RESOLUTION"
    )


@pytest.mark.contract("10.1")
def test_a_wrong_resolution_names_the_required_one() -> None:
    with pytest.raises(Refused, match="PT15M"):
        sensors.posted_resolution(HOUR, 7, timedelta(minutes=15))


# -- horizon and prior --


def read_timing(play: bool = False, ex_post: bool = False, **message: Any) -> Recording:
    period = Period(START, HOUR)
    keys = {"start": "2015-01-01T00:00:00Z", "duration": "PT1H"} | message
    return RollingTiming().read(keys, "meter data" if ex_post else "weather", play=play)(period)


@pytest.mark.contract("11.1", "D2")
def test_horizon_counts_for_each_event_and_prior_for_all() -> None:
    assert read_timing(horizon="-PT5M") == Recording(horizon=timedelta(minutes=-5))
    assert read_timing(prior="2014-12-31T18:00:00Z") == Recording(belief_time=START - 6 * HOUR)
    both = read_timing(prior="2014-12-31T18:00:00Z", horizon="PT6H")
    assert both == Recording(6 * HOUR, START - 6 * HOUR)


@pytest.mark.contract("11.1", "11.8")
def test_without_timing_it_is_the_time_of_arrival_or_in_play_mode_a_zero_horizon() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    with clock(now):
        assert read_timing() == Recording(belief_time=now, inferred=True)
        assert read_timing(ex_post=True) == Recording(belief_time=now, inferred=True)
        assert read_timing(play=True) == Recording(horizon=timedelta(0))


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ({"horizon": "T6H"}, "INVALID_HORIZON"),
        ({"horizon": ""}, "INVALID_HORIZON"),
        ({"horizon": 6}, "INVALID_HORIZON"),
        ({"horizon": "R/PT6H"}, "INVALID_HORIZON"),
        ({"horizon": "P1M"}, "INVALID_HORIZON"),
        ({"prior": "noon"}, "INVALID_HORIZON"),
        ({"prior": "2015-01-01T00:00:00"}, "INVALID_TIMEZONE"),
    ],
)
@pytest.mark.contract("11.2", "11.9")
def test_bad_timing_is_refused(message: dict[str, Any], status: str) -> None:
    assert status_of(read_timing, **message) == status


@pytest.mark.contract("11.3")
def test_meter_data_are_not_recorded_before_the_fact() -> None:
    assert status_of(read_timing, ex_post=True, horizon="PT1M") == "INVALID_HORIZON"
    assert status_of(read_timing, ex_post=True, prior="2015-01-01T00:59:59Z") == "INVALID_HORIZON"
    assert status_of(read_timing, ex_post=True, prior="2015-01-01T00:59:59Z", start=None) == "INVALID_PERIOD"
    assert read_timing(ex_post=True, prior="2015-01-01T01:00:00Z").belief_time == START + HOUR


@pytest.mark.contract("12.5")
def test_a_repeating_horizon_filters_like_a_plain_one() -> None:
    assert times.read_horizon({"horizon": "R/PT6H"}, repeating=True) == 6 * HOUR
    assert status_of(times.read_horizon, {"horizon": "R"}, repeating=True) == "INVALID_HORIZON"


@pytest.mark.contract("14.8")
def test_weather_is_measured_when_all_of_it_was_recorded_after_the_fact() -> None:
    end = START + HOUR
    assert Recording(horizon=timedelta(0)).is_ex_post(end)
    assert Recording(belief_time=end).is_ex_post(end)
    assert not Recording(belief_time=end - timedelta(seconds=1)).is_ex_post(end)
    assert not Recording(horizon=HOUR).is_ex_post(end)
    assert not Recording(horizon=HOUR, belief_time=end).is_ex_post(end)
