"""The domain's clock, ISO 8601 texts, and slots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures import timing
from flexmeasures.errors import InputError, NoTimezone

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
durations = st.timedeltas(timedelta(days=-4000), timedelta(days=4000)).map(
    lambda d: d - d % timedelta(seconds=1)
)


def test_the_clock_can_be_set_and_goes_on_afterwards():
    with timing.clock(NOON):
        assert timing.server_now() == NOON
        with timing.clock(lambda: NOON + timedelta(hours=1)):
            assert timing.server_now() == NOON + timedelta(hours=1)
        assert timing.server_now() == NOON
    assert abs(timing.server_now() - datetime.now(UTC)) < timedelta(minutes=1)


@given(durations)
def test_durations_survive_being_written_and_read(duration):
    assert timing.parse_duration(timing.iso_duration(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(hours=24), "P1D"),
        (timedelta(minutes=90), "PT1H30M"),
        (timedelta(0), "PT0S"),
        (timedelta(minutes=-5), "-PT5M"),
        (timedelta(days=2, seconds=1.5), "P2DT1.5S"),
        (timedelta(microseconds=1), "PT0.000001S"),
        (timedelta(minutes=1, microseconds=-1), "PT59.999999S"),
    ],
)
def test_durations_are_normalised(duration, text):
    assert timing.iso_duration(duration) == text


@pytest.mark.parametrize("text", ["15M", "T6H", "", None, 5, "PT", "one hour", "P1M", "P99999999999Y"])
def test_what_is_no_duration_is_refused_naming_the_field(text):
    with pytest.raises(InputError, match="horizon") as caught:
        timing.parse_duration(text, field="horizon")
    assert caught.value.field == "horizon"


def test_months_are_grounded_at_the_start():
    start = datetime(2024, 2, 1, tzinfo=UTC)
    assert timing.parse_duration("P1M", start) == timedelta(days=29)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T12:00:00Z",
        "2026-05-01T14:00:00+02:00",
        "2026-05-01T14:00:00 02:00",
        "2026-05-01T07:30-04:30",
    ],
)
def test_times_are_read_with_their_offset(text):
    assert timing.parse_time(text) == NOON


@pytest.mark.parametrize("text", ["2026-05-01T12:00:00", "2026-05-01T12:00"])
def test_a_time_without_offset_is_refused_as_such(text):
    with pytest.raises(NoTimezone):
        timing.parse_time(text)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-05-01", "", None, 7, "2026-13-01T00:00:00Z", "0001-01-01T00:00+05:00"],
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InputError, match="datetime"):
        timing.parse_time(text)


@pytest.mark.parametrize(
    "text", ["1899-12-31T23:59:59Z", "2201-01-01T00:00:00Z", "9999-12-31T23:00:00-05:00"]
)
def test_times_that_arithmetic_could_overflow_with_are_refused(text):
    with pytest.raises(InputError, match="the years 1900 to 2200"):
        timing.parse_time(text)


@pytest.mark.parametrize("read", [timing.parse_time, timing.parse_duration])
def test_refusing_a_long_text_is_short(read):
    with pytest.raises(InputError) as refusal:
        read("x" * 100_000)
    assert len(str(refusal.value)) < 300


def test_times_are_written_in_the_offset_asked_for():
    seoul = timezone(timedelta(hours=9))
    assert timing.iso_time(NOON) == "2026-05-01T12:00:00Z"
    assert timing.iso_time(NOON, like=NOON.astimezone(seoul)) == "2026-05-01T21:00:00+09:00"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)))  # noqa: DTZ001
def test_milliseconds_are_rounded_up(moment):
    back = timing.from_ms(timing.to_ms(moment))
    assert timedelta(0) <= back - moment < timedelta(milliseconds=1)


@given(st.integers(0, 10**9), st.sampled_from([5, 15, 60, 1440]))
def test_slots_hold_their_times(seconds, minutes):
    moment, resolution = timing.EPOCH + timedelta(seconds=seconds), timedelta(minutes=minutes)
    assert timing.floor_time(moment, resolution) <= moment <= timing.ceil_time(moment, resolution)
    assert timing.ceil_time(moment, resolution) - timing.floor_time(moment, resolution) in (
        timedelta(0),
        resolution,
    )


def test_an_unknown_time_zone_is_refused():
    assert timing.timezone("Europe/Amsterdam").key == "Europe/Amsterdam"
    for name in ("Europe/Nowhere", "../etc/passwd", "", "localtime", "Factory", "right/UTC", "posixrules"):
        with pytest.raises(InputError, match="time zone"):
            timing.timezone(name)
