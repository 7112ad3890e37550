"""The grid of a sensor: where its slots start, which starts are meant by ones a little off, and local days."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures import grid
from flexmeasures.errors import OffGrid
from flexmeasures.timing import from_ms, parse_duration, parse_time

AMSTERDAM = "Europe/Amsterdam"
DAY = timedelta(days=1)
ZONES = st.sampled_from(
    [AMSTERDAM, "UTC", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]
)
MOMENTS = st.integers(946_684_800_000, 1_893_456_000_000).map(from_ms)


@pytest.mark.contract("D15")
@pytest.mark.parametrize(
    ("moment", "resolution", "meant"),
    [
        ("2026-03-01T00:00:03Z", "PT15M", "2026-03-01T00:00Z"),
        ("2026-03-01T00:14:00Z", "PT15M", "2026-03-01T00:15Z"),
        ("2026-03-01T00:00:06Z", "PT1M", "2026-03-01T00:00Z"),
        ("2026-03-01T00:59:00Z", "PT1H", "2026-03-01T01:00Z"),
        ("2026-03-01T05:30:10+05:30", "PT30M", "2026-03-01T05:30+05:30"),
        ("2026-03-29T00:00:30+01:00", "P1D", "2026-03-29T00:00+01:00"),
        ("2026-03-29T23:59:30+02:00", "P1D", "2026-03-30T00:00+02:00"),
    ],
)
def test_a_start_near_the_grid_means_the_nearest_slot(moment, resolution, meant):
    found = grid.aligned(parse_time(moment), parse_duration(resolution), AMSTERDAM)
    assert (found, found.utcoffset()) == (parse_time(meant), parse_time(meant).utcoffset())


@pytest.mark.contract("D15")
@pytest.mark.parametrize(
    ("moment", "resolution", "neighbours"),
    [
        ("2026-03-01T00:10:00Z", "PT15M", ("2026-03-01T00:00:00Z", "2026-03-01T00:15:00Z")),
        ("2026-03-01T00:01:01Z", "PT15M", ("2026-03-01T00:00:00Z", "2026-03-01T00:15:00Z")),
        ("2026-03-01T00:00:07Z", "PT1M", ("2026-03-01T00:00:00Z", "2026-03-01T00:01:00Z")),
        ("2026-03-29T02:00:00+02:00", "P1D", ("2026-03-29T01:00:00+02:00", "2026-03-30T00:00:00+02:00")),
    ],
)
def test_a_start_far_from_the_grid_is_refused_with_the_two_nearest_starts(moment, resolution, neighbours):
    with pytest.raises(OffGrid) as refused:
        grid.aligned(parse_time(moment), parse_duration(resolution), AMSTERDAM)
    assert refused.value.field == "start"
    assert f"the two nearest are {neighbours[0]} and {neighbours[1]}" in str(refused.value)


@pytest.mark.contract("D19")
def test_local_days_have_23_24_or_25_hours():
    start = datetime(2026, 3, 28, tzinfo=ZoneInfo(AMSTERDAM))
    starts, ends = grid.slots(start, 3, DAY, AMSTERDAM)
    assert ((ends - starts) / 3_600_000).tolist() == [24, 23, 24]
    assert grid.ends(starts, DAY, AMSTERDAM).tolist() == ends.tolist()


@given(
    MOMENTS, ZONES, st.sampled_from([timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1), DAY])
)
def test_the_slots_around_a_moment_are_neighbours_that_mean_themselves(moment, zone, own):
    before, after = grid.around(moment, own, zone)
    assert before <= moment < after
    assert [grid.aligned(each, own, zone) for each in (before, after)] == [before, after]
    starts, ends = grid.slots(before, 3, own, zone)
    assert from_ms(int(ends[0])) == after
    assert all(end == start for (_, end), (start, _) in pairwise(zip(starts, ends, strict=True)))
