"""FLEXMEASURES_DEMO_YEAR: old data as if they were of today."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flexmeasures import testing
from flexmeasures.errors import SettingsError
from flexmeasures.timing import server_now, set_clock
from flexmeasures_demo.year import in_year


@pytest.fixture(autouse=True)
def clock_is_put_back() -> Iterator[None]:
    yield
    set_clock(None)


def test_in_demo_mode_the_server_lives_on_this_day_of_that_year(tmp_path: Path) -> None:
    testing.make_app(tmp_path, FLEXMEASURES_MODE="demo", FLEXMEASURES_DEMO_YEAR=2015)
    expected = in_year(datetime.now(UTC), 2015)
    assert abs(server_now() - expected) < timedelta(minutes=1)
    assert server_now().year == 2015


@pytest.mark.parametrize("mode", ["", "play"])
def test_in_other_modes_the_year_has_no_effect(tmp_path: Path, mode: str) -> None:
    testing.make_app(tmp_path, FLEXMEASURES_MODE=mode, FLEXMEASURES_DEMO_YEAR=2015)
    assert abs(server_now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_pages_say_which_time_it_is_there(tmp_path: Path) -> None:
    app = testing.make_app(tmp_path, FLEXMEASURES_MODE="demo", FLEXMEASURES_DEMO_YEAR=2015)
    page = app.test_client().get("/login").text
    assert "2015" in page
    assert "this is a demonstration" in page


def test_the_29th_of_february_is_the_28th_where_there_is_none() -> None:
    leap = datetime(2028, 2, 29, 23, 59, tzinfo=UTC)
    assert in_year(leap, 2015) == datetime(2015, 2, 28, 23, 59, tzinfo=UTC)
    assert in_year(leap, 2016) == datetime(2016, 2, 29, 23, 59, tzinfo=UTC)


def test_a_year_that_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FLEXMEASURES_DEMO_YEAR is 99"):  # strict, as tests are
        testing.make_app(tmp_path, FLEXMEASURES_MODE="demo", FLEXMEASURES_DEMO_YEAR=99)
