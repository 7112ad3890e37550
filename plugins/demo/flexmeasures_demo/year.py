"""Demo mode's year: old data as if they were current, because the domain's clock stands in their year.

Pages, API and jobs ask that clock what time it is, so windows, plans and forecasts lie in that year as well. Tokens,
logins and logs keep real time.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from flexmeasures.config import Setting
from flexmeasures.errors import SettingsError
from flexmeasures.timing import EARLIEST_YEAR, LATEST_YEAR, set_clock

SETTINGS = [
    Setting(
        "FLEXMEASURES_DEMO_YEAR",
        None,
        int,
        "In demo mode: the year in which the server lives, so that its data are shown as if they were of today.",
        chapter="2.9.2",
    ),
]


def live_in(year: int) -> None:
    """Let it be the same day and time of that year, in this process from here on. Raises SettingsError."""
    if not EARLIEST_YEAR < year < LATEST_YEAR:
        raise SettingsError(
            f"FLEXMEASURES_DEMO_YEAR is {year}. Accepted: a year after {EARLIEST_YEAR} and before {LATEST_YEAR}."
        )
    set_clock(lambda: in_year(datetime.now(UTC), year))


def in_year(moment: datetime, year: int) -> datetime:
    """The same day and time in another year; 28 February for a 29th that it does not have."""
    if (moment.month, moment.day) == (2, 29) and not calendar.isleap(year):
        moment = moment.replace(day=28)
    return moment.replace(year=year)
