"""store(), search() and remove(): the one door of time series, on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flexmeasures_master_data as master_data
from flexmeasures import beliefs, sources
from flexmeasures.db import db, writing
from flexmeasures.errors import BeliefsExist, InputError, OffGrid, WrongResolution
from flexmeasures.models import Sensor, Source

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOW = timedelta(0)


def make_sensor(name: str = "meter", resolution: timedelta = QUARTER, timezone: str = "UTC") -> Sensor:
    with writing() as session:
        sensor = Sensor(name=name, event_resolution=resolution, unit="MW", timezone=timezone)
        session.add(sensor)
    return sensor


def make_source(name: str = "script", kind: str = "script") -> Source:
    with writing():
        return sources.get_source(name, kind)


@pytest.fixture
def sensor(in_app) -> Sensor:
    return make_sensor()


@pytest.fixture
def source(in_app) -> Source:
    return make_source()


def put(sensor, source, values, start=START, resolution=QUARTER, **options):
    options = options or {"horizon": NOW}
    with writing():
        return beliefs.store(sensor, values, start, resolution, source, **options)


def got(sensor, start=START, end=START + HOUR, **filters):
    return beliefs.search_one(sensor, start, end, **filters).values.tolist()


def test_what_is_stored_is_found(sensor, source):
    assert put(sensor, source, [1, 2.5, -3, 0]) == beliefs.Stored(new=4)
    series = beliefs.search_one(sensor, START, START + HOUR)
    assert (series.start, series.resolution) == (START, QUARTER)
    assert series.values.tolist() == [1, 2.5, -3, 0]


@pytest.mark.parametrize("count", [1, 499, 500, 3000])
def test_small_and_large_posts_store_exactly_what_was_sent(sensor, source, count):
    values = np.random.default_rng(count).normal(size=count)
    put(sensor, source, values)
    assert got(sensor, end=START + count * QUARTER) == values.tolist()


def test_unknown_values_are_not_stored_and_come_back_as_nan(sensor, source):
    assert put(sensor, source, [1, float("nan"), 3]).new == 2
    assert np.array_equal(got(sensor), [1, np.nan, 3, np.nan], equal_nan=True)


def test_coarser_values_are_repeated(sensor, source):
    put(sensor, source, [4], resolution=HOUR)
    assert got(sensor) == [4, 4, 4, 4]


@pytest.mark.parametrize("minutes", [5, 20])
def test_values_that_do_not_fit_the_sensor_are_refused(sensor, source, minutes):
    with pytest.raises(WrongResolution, match="PT15M"):
        put(sensor, source, [1], resolution=timedelta(minutes=minutes))


@pytest.mark.parametrize("values", [["a"], [[1, 2]], [float("inf")]])
def test_what_is_no_list_of_numbers_is_refused(sensor, source, values):
    with pytest.raises(InputError, match="Accepted"):
        put(sensor, source, values)


def test_a_second_belief_of_the_same_key_is_refused_and_nothing_is_stored(sensor, source):
    put(sensor, source, [1])
    with pytest.raises(BeliefsExist):
        put(sensor, source, [5, 6])
    assert np.array_equal(got(sensor, end=START + 2 * QUARTER), [1, np.nan], equal_nan=True)


@pytest.mark.parametrize("count", [3, 600])
def test_replacing_counts_new_changed_and_equal_values(sensor, source, count):
    put(sensor, source, np.arange(count))
    changed = np.arange(count + 1)
    changed[0] = 99
    assert put(sensor, source, changed, horizon=NOW, on_existing="replace") == beliefs.Stored(1, 1, count - 1)
    assert got(sensor, end=START + QUARTER) == [99]


def test_skipping_keeps_what_is_there(sensor, source):
    put(sensor, source, [1])
    assert put(sensor, source, [7, 8], horizon=NOW, on_existing="skip") == beliefs.Stored(new=1, skipped=1)
    assert got(sensor, end=START + 2 * QUARTER) == [1, 8]


def test_the_newest_belief_wins(sensor, source):
    put(sensor, source, [1], horizon=6 * HOUR)
    put(sensor, source, [2], horizon=HOUR)
    put(sensor, source, [3], horizon=24 * HOUR)
    assert got(sensor, end=START + QUARTER) == [2]


@pytest.mark.contract("12.2")
def test_horizons_and_prior_select_inclusively(sensor, source):
    put(sensor, source, [1], horizon=6 * HOUR)
    put(sensor, source, [2], horizon=HOUR)
    one = {"end": START + QUARTER}
    assert got(sensor, **one, horizon_at_least=HOUR) == [2]
    assert got(sensor, **one, horizon_at_least=HOUR + timedelta(milliseconds=1)) == [1]
    assert np.isnan(got(sensor, **one, horizon_at_most=NOW)).all()
    assert got(sensor, **one, prior=START + QUARTER - HOUR) == [2]
    assert got(sensor, **one, prior=START + QUARTER - HOUR - timedelta(milliseconds=1)) == [1]


def test_a_belief_time_gives_each_event_its_own_horizon(sensor, source):
    put(sensor, source, [1, 2], belief_time=START)
    revisions = beliefs.every_belief(sensor, START, START + HOUR)
    assert set(revisions.recorded.tolist()) == {int(START.timestamp() * 1000)}


def test_of_horizon_and_belief_time_the_earlier_recording_counts(sensor, source):
    put(
        sensor, source, [1, 2, 3, 4], horizon=timedelta(minutes=30), belief_time=START + timedelta(minutes=10)
    )
    ends = [START + k * QUARTER for k in (1, 2, 3, 4)]
    expected = [min(end - timedelta(minutes=30), START + timedelta(minutes=10)) for end in ends]
    recorded = beliefs.every_belief(sensor, START, START + HOUR).recorded
    assert sorted(recorded.tolist()) == sorted(int(moment.timestamp() * 1000) for moment in expected)


@pytest.mark.contract("12.1")
def test_equal_horizons_go_to_the_preferred_source_then_to_the_lower_id(sensor, source):
    other = make_source("other")
    put(sensor, source, [1])
    put(sensor, other, [2])
    one = {"end": START + QUARTER}
    assert got(sensor, **one) == [1]
    assert got(sensor, **one, prefer_source=other.id) == [2]


def test_sources_and_their_types_limit_what_is_found(sensor, source):
    forecaster = make_source("Seita", "forecasting script")
    put(sensor, source, [1])
    put(sensor, forecaster, [2], horizon=HOUR)
    one = {"end": START + QUARTER}
    assert got(sensor, **one, source_types=["forecasting script"]) == [2]
    assert got(sensor, **one, sources=[source.id]) == [1]
    assert np.isnan(got(sensor, **one, sources=[])).all()
    assert np.isnan(got(sensor, **one, source_types=["user"])).all()


def test_a_slot_that_overlaps_the_start_is_included(sensor, source):
    put(sensor, source, [1, 2])
    series = beliefs.search_one(sensor, START + timedelta(minutes=5), START + QUARTER)
    assert (series.start, series.values.tolist()) == (START, [1])


def test_several_sensors_of_several_resolutions_come_in_one_answer(in_app, source):
    quarterly, hourly = make_sensor("quarterly"), make_sensor("hourly", HOUR)
    put(quarterly, source, [1, 2, 3, 4])
    put(hourly, source, [9], resolution=HOUR)
    found = beliefs.search([hourly, quarterly], START, START + HOUR)
    assert {key: series.values.tolist() for key, series in found.items()} == {
        hourly.id: [9],
        quarterly.id: [1, 2, 3, 4],
    }


def test_coarser_answers_are_means_of_what_is_known(sensor, source):
    put(sensor, source, [1, float("nan"), 3, 5, 7])
    assert got(sensor, end=START + 2 * HOUR, resolution=HOUR) == [3, 7]


def test_finer_answers_repeat(in_app, source):
    hourly = make_sensor("hourly", HOUR)
    put(hourly, source, [1, 2], resolution=HOUR)
    assert got(hourly, start=START + 2 * QUARTER, end=START + 6 * QUARTER, resolution=QUARTER) == [1, 1, 2, 2]


def test_resolutions_that_do_not_divide_each_other_are_refused(sensor, source):
    put(sensor, source, [1])
    with pytest.raises(WrongResolution, match="do not divide"):
        got(sensor, resolution=timedelta(minutes=20))


def test_bins_of_a_day_and_a_half_are_that_long(sensor, source):
    bins = timedelta(hours=36)
    put(sensor, source, np.repeat([1.0, 2.0, 3.0], 144), start=datetime(1970, 1, 1, tzinfo=UTC) + 800 * bins)
    start = datetime(1970, 1, 1, tzinfo=UTC) + 800 * bins
    assert got(sensor, start=start, end=start + 3 * bins, resolution=bins) == [1, 2, 3]


def test_days_are_local_days(sensor, source):
    start = datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Amsterdam, before the day of 23 hours
    put(sensor, source, np.repeat([1.0, 2.0], [23 * 4, 24 * 4]), start=start)
    series = beliefs.search_one(
        sensor, start, start + 47 * HOUR, resolution=timedelta(days=1), timezone="Europe/Amsterdam"
    )
    assert (series.start, series.values.tolist()) == (start, [1, 2])


DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 3, 27, 23, tzinfo=UTC)  # in Amsterdam, two days before the day of 23 hours
AUTUMN = datetime(2026, 10, 23, 22, tzinfo=UTC)  # as well, two days before the day of 25 hours


@pytest.fixture
def days(in_app) -> Sensor:
    return make_sensor("days", DAY, "Europe/Amsterdam")


@pytest.mark.contract("D19")
@pytest.mark.parametrize("start", [MIDNIGHT, AUTUMN])
@pytest.mark.parametrize("hour", [timedelta(hours=-1), timedelta(0), timedelta(hours=1)])
def test_local_days_are_stored_by_their_start_and_read_back_one_a_day(days, source, start, hour):
    put(days, source, [1, 2, 3, 4, 5], start=start, resolution=DAY)
    assert got(days, start, start + 5 * DAY + min(hour, NOW)) == [1, 2, 3, 4, 5]
    with writing():
        assert beliefs.remove(sensors=[days.id], start=start, end=start + DAY) == 1
    found = got(days, start, start + 5 * DAY)
    assert np.array_equal(found, [np.nan, 2, 3, 4, 5], equal_nan=True)


@pytest.mark.contract("D19")
@pytest.mark.parametrize(("start", "hours"), [(MIDNIGHT, [24, 23, 24]), (AUTUMN, [24, 25, 24])])
def test_local_days_cover_all_of_their_hours_and_no_others(days, source, start, hours):
    put(days, source, [1, 2, 3], start=start, resolution=DAY)
    found = got(days, start, start + sum(hours) * HOUR, resolution=HOUR)
    assert found == np.repeat([1.0, 2.0, 3.0], hours).tolist()


@pytest.mark.contract("D19")
def test_a_measurement_of_a_day_of_23_hours_that_comes_at_its_end_is_one(days, source):
    end = MIDNIGHT + 47 * HOUR
    put(days, source, [7], start=MIDNIGHT + DAY, resolution=DAY, belief_time=end)
    assert got(days, MIDNIGHT + DAY, end, horizon_at_most=NOW) == [7]


@pytest.mark.contract("D15")
def test_a_start_near_the_grid_is_moved_and_told(sensor, source):
    stored = put(sensor, source, [1, 2], start=START + timedelta(seconds=3))
    assert (stored.new, stored.moved) == (2, timedelta(seconds=-3))
    assert put(sensor, source, [5], horizon=-MINUTE).moved == NOW
    assert got(sensor, end=START + 2 * QUARTER) == [5, 2]


@pytest.mark.contract("D15")
def test_a_start_far_from_the_grid_is_refused_with_the_two_nearest(sensor, source):
    with pytest.raises(OffGrid, match="2026-03-01T00:00:00Z and 2026-03-01T00:15:00Z"):
        put(sensor, source, [1], start=START + 10 * MINUTE)
    assert beliefs.extent(sensor) is None


@pytest.mark.contract("D17")
@pytest.mark.parametrize(("before", "is_measurement"), [(10, True), (60, True), (61, False)])
def test_what_comes_a_little_before_its_slot_ends_counts_as_known_at_its_end(
    sensor, source, before, is_measurement
):
    end = START + 2 * QUARTER
    at = end - timedelta(seconds=before)
    put(sensor, source, [1, 2], belief_time=at, clock_tolerance=MINUTE)
    found = got(sensor, end=end, horizon_at_most=NOW)
    assert np.array_equal(found, [1, 2 if is_measurement else np.nan], equal_nan=True)


@pytest.mark.contract("21.4")
def test_the_dummy_market_has_a_price_for_every_slot_of_leap_years_too(in_app):
    from sqlalchemy import select

    from flexmeasures.models import Market

    market = db.session.scalars(select(Market).where(Market.name == master_data.DUMMY_MARKET)).one()
    prices = beliefs.search_one(
        market, datetime(2023, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), resolution=HOUR
    )
    assert len(prices) == (365 * 4 + 1) * 24
    assert set(prices.values.tolist()) == {50.0}


def test_removing_keeps_to_its_conditions(sensor, source):
    other = make_source("other")
    put(sensor, source, [1, 2])
    put(sensor, source, [3, 4], belief_time=START)
    put(sensor, other, [5, 6], belief_time=START)
    with writing():
        assert beliefs.remove(sensors=[sensor.id], sources=[source.id], recorded=(START, QUARTER)) == 2
        assert beliefs.remove(sensors=[sensor.id], measurements=False) == 2
        assert beliefs.remove(prognoses=False, sensors=[sensor.id], start=START + QUARTER) == 1
    assert np.array_equal(got(sensor, end=START + 2 * QUARTER), [1, np.nan], equal_nan=True)


def test_last_values_are_the_newest_measurements(in_app, source):
    one, two, silent = make_sensor("one"), make_sensor("two"), make_sensor("silent")
    put(one, source, [1, 2])
    put(two, source, [3])
    put(two, source, [9], start=START + HOUR, horizon=HOUR)
    put(one, source, [4], horizon=-HOUR, start=START + QUARTER)
    assert beliefs.last_values([one, two, silent]) == {one.id: (START + QUARTER, 4), two.id: (START, 3)}


def test_storing_tells_plugins_only_after_commit(sensor, source, monkeypatch):
    from flexmeasures.runtime import Runtime

    told = []
    monkeypatch.setattr(Runtime, "tell", lambda self, hook, **arguments: told.append((hook, arguments)))
    with pytest.raises(RuntimeError, match="gives up"), writing():
        beliefs.store(sensor, [1], START, QUARTER, source, horizon=NOW)
        raise RuntimeError("gives up")
    assert told == []
    put(sensor, source, [1, 2])
    ((hook, arguments),) = told
    assert hook == "on_beliefs_stored"
    assert (arguments["start"], arguments["end"]) == (START, START + 2 * QUARTER)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    posts=st.lists(
        st.tuples(
            st.integers(0, 5), st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6), st.integers(-4, 8)
        ),
        min_size=1,
        max_size=8,
    ),
    prior=st.integers(-10, 20),
)
def test_search_answers_as_a_plain_dictionary_would(in_app, posts, prior):
    sensor = make_sensor(f"meter {datetime.now(UTC).timestamp()}")
    source = make_source()
    believed: dict[tuple[int, int], float] = {}
    for first, values, horizon in posts:
        put(sensor, source, values, START + first * QUARTER, horizon=horizon * QUARTER, on_existing="replace")
        believed |= {(first + k, horizon): value for k, value in enumerate(values)}
    until = START + prior * QUARTER
    found = beliefs.search_one(sensor, START, START + 12 * QUARTER, prior=until).values
    for slot in range(12):
        known = {
            h: v for (s, h), v in believed.items() if s == slot and START + (slot + 1 - h) * QUARTER <= until
        }
        if known:
            assert found[slot] == known[min(known)]
        else:
            assert np.isnan(found[slot])
