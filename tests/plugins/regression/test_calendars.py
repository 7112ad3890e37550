"""Local hours, weekends, holidays, and the days that users state."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from flexmeasures.errors import InputError
from flexmeasures_regression.calendars import SATURDAY, SPECIAL, SUNDAY, WORK_DAY, Calendar

HOUR = timedelta(hours=1)
START = datetime(2026, 1, 5, tzinfo=UTC)


def type_of(calendar, *days):
    return calendar.types(np.array([(day - date(1970, 1, 1)).days for day in days])).tolist()


@pytest.mark.parametrize("timezone", ["Europe/Amsterdam", "America/Los_Angeles", "Asia/Kolkata", "UTC"])
def test_the_calendar_follows_the_local_clock_through_its_changes(timezone):
    hours = [START + k * HOUR for k in range(0, 300 * 24, 7)]
    starts = np.array([int(hour.timestamp() * 1000) for hour in hours])
    columns = Calendar(timezone, weekly=True).columns(starts)
    assert (columns.sum(axis=1) == 1).all()
    for hour, group in zip(hours, columns.argmax(axis=1), strict=True):
        local = hour.astimezone(ZoneInfo(timezone))
        assert divmod(group, 24) == (max(0, local.weekday() - 4), local.hour)


def test_the_sun_does_not_follow_daylight_saving_time(facts):
    assert Calendar.of(facts(type="solar")) == Calendar("UTC", weekly=False)


def test_holidays_of_the_time_zones_country_count_as_sundays(facts):
    dutch = Calendar.of(facts())
    assert (dutch.country, dutch.timezone) == ("NL", "Europe/Amsterdam")
    kings_day, day_after, saturday = date(2026, 4, 27), date(2026, 4, 28), date(2026, 4, 25)
    assert type_of(dutch, kings_day, day_after, saturday) == [SUNDAY, WORK_DAY, SATURDAY]
    french = Calendar.of(facts(attributes={"country": "FR"}))
    assert type_of(french, kings_day, date(2026, 7, 14)) == [WORK_DAY, SUNDAY]


def test_a_time_zone_without_a_country_has_no_holidays(facts):
    assert Calendar.of(facts(timezone="UTC")).country == ""


def test_special_days_that_a_user_states_are_days_of_their_own(facts):
    special = ["2026-03-04", ["2026-03-10", "2026-03-12"]]
    calendar = Calendar.of(facts(attributes={"special-days": special}))
    days = [date(2026, 3, day) for day in (4, 5, 9, 10, 11, 12, 13)]
    types = [SPECIAL, WORK_DAY, WORK_DAY, SPECIAL, SPECIAL, SPECIAL, WORK_DAY]
    assert type_of(calendar, *days) == types
    assert calendar.width == 96


def test_a_season_that_a_user_states_counts_instead_of_the_types(facts):
    assert not Calendar.of(facts(attributes={"seasonality": ["daily"]})).weekly


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("special-days", ["24-12-2026"], "a list of dates"),
        ("special-days", [["2026-01-01"]], "a list of dates"),
        ("special-days", 5, "a list of dates"),
        ("seasonality", "daily", "a list of any of daily, weekly, yearly"),
        ("seasonality", ["monthly"], "a list of any of daily, weekly, yearly"),
        ("country", "XX", "ISO 3166"),
    ],
)
def test_a_wrong_statement_is_told_with_what_is_accepted(facts, name, value, accepted):
    with pytest.raises(InputError, match=accepted) as error:
        Calendar.of(facts(attributes={name: value}))
    assert error.value.field == name
    assert repr(value) in str(error.value)
