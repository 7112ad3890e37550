"""`flexmeasures add beliefs`: what is read from files, what is refused, and that nothing is stored then."""

from __future__ import annotations

import gzip
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

POWER = ("--source", "meter", "--unit", "kW", "--sign", "consumption-positive")


def nan_as_none(found: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in found]


def test_values_are_stored_in_mw_consumption_positive(
    run: Any, battery: Any, table: Any, values: Any
) -> None:
    path = table("2026-03-01T00:00:00Z,1500", "2026-03-01T00:15:00Z,-250", "2026-03-01T00:30:00Z,0")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER)
    assert result.exit_code == 0, result.output
    assert "Horizon 0 was used" in result.output
    assert "Stored 3 new" in result.output
    assert values(battery, 4) == pytest.approx([1.5, -0.25, 0, np.nan], nan_ok=True)


def test_production_positive_values_are_flipped(run: Any, panels: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00:00Z,2", "2026-03-01T00:15:00Z,0")
    words = ("--source", "meter", "--unit", "MW", "--sign", "production-positive")
    result = run("add", "beliefs", path, "--sensor", "my panels", *words)
    assert result.exit_code == 0, result.output
    assert values(panels, 2) == [-2, 0]
    assert "Warning" not in result.output


def test_a_suspicious_sign_is_told(run: Any, panels: Any, table: Any) -> None:
    result = run("add", "beliefs", table("2026-03-01T00:00:00Z,2"), "--sensor-id", panels.id, *POWER)
    assert result.exit_code == 0
    assert "1 of 1 values say that my panels (solar) is consuming. Was --sign right?" in result.output


def test_energy_of_a_slot_becomes_its_mean_power(run: Any, battery: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00:00Z,500", "2026-03-01T00:15:00Z,250")
    words = ("--source", "meter", "--unit", "kWh", "--sign", "consumption-positive")
    assert run("add", "beliefs", path, "--sensor-id", battery.id, *words).exit_code == 0
    assert values(battery, 2) == [2, 1]


def test_hourly_values_are_repeated_over_quarters(run: Any, battery: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00:00Z,1000", "2026-03-01T01:00:00Z,2000")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER)
    assert "rows of PT1H" in result.output
    assert values(battery, 8) == [1] * 4 + [2] * 4


def test_empty_cells_and_gaps_stay_unknown(run: Any, battery: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00:00Z,1000", "2026-03-01T00:15:00Z,", "2026-03-01T01:00:00Z,2000")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER)
    assert "1 of them without a value" in result.output
    assert nan_as_none(values(battery, 5)) == [1, None, None, None, 2]


def test_columns_by_name_delimiter_and_gzip(run: Any, battery: Any, tmp_path: Path, values: Any) -> None:
    path = tmp_path / "data.csv.gz"
    text = "a comment\nid;load;when\n1;7;2026-03-01 01:00\n2;8;2026-03-01 01:15\n"
    path.write_bytes(gzip.compress(text.encode("utf-8-sig")))
    words = ("--datecol", "when", "--valuecol", "load", "--skiprows", 2, "--delimiter", ";")
    words += (
        "--timezone",
        "Europe/Amsterdam",
        "--source",
        "meter",
        "--unit",
        "MW",
        "--sign",
        "consumption-positive",
    )
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    assert values(battery, 2) == [7, 8]


def test_the_hour_that_clocks_show_twice_is_read_as_two(run: Any, battery: Any, table: Any, app: Any) -> None:
    from datetime import UTC, datetime

    from flexmeasures.beliefs import search_one

    clocks = ["01:00", "02:00", "02:00", "03:00"]
    path = table(*(f"2026-10-25 {clock},{1000 * k}" for k, clock in enumerate(clocks)))
    words = (*POWER, "--timezone", "Europe/Amsterdam", "--resolution", "PT1H")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    with app.app_context():
        start = datetime(2026, 10, 24, 23, tzinfo=UTC)
        hours = search_one(battery, start, start + timedelta(hours=4), resolution=timedelta(hours=1))
    assert hours.values.tolist() == [0, 1, 2, 3]


def test_a_stated_horizon_makes_forecasts(run: Any, battery: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00:00Z,1000")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER, "--horizon", "PT6H")
    assert "Horizon PT6H was used" in result.output
    assert values(battery, 1, horizon_at_least=timedelta(hours=6)) == [1]
    assert nan_as_none(values(battery, 1, horizon_at_most=timedelta(0))) == [None]


def test_stored_values_are_replaced_only_when_asked(run: Any, battery: Any, table: Any, values: Any) -> None:
    first = table("2026-03-01T00:00:00Z,1000", name="first.csv")
    second = table("2026-03-01T00:00:00Z,2000", "2026-03-01T00:15:00Z,2000", name="second.csv")
    assert run("add", "beliefs", first, "--sensor-id", battery.id, *POWER).exit_code == 0
    refused = run("add", "beliefs", second, "--sensor-id", battery.id, *POWER)
    assert refused.exit_code == 1
    assert "--allow-overwrite" in refused.output
    assert nan_as_none(values(battery, 2)) == [1, None]
    replaced = run("add", "beliefs", second, "--sensor-id", battery.id, *POWER, "--allow-overwrite")
    assert "1 new and 1 replaced" in replaced.output
    assert values(battery, 2) == [2, 2]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["2026-03-01T00:00Z,1", "2026-03-01T00:15Z,many"],
            ["line 3", "column 1 (power)", "'many' is not a number"],
        ),
        (["2026-03-01T00:00Z,1", "2026-03-01T00:15Z,inf"], ["line 3", "'inf' is not a number"]),
        (["2026-03-01T00:00Z,1_000"], ["line 2", "'1_000'"]),
        (
            ["2026-03-01T00:00Z,1", "yesterday,2"],
            ["line 3", "column 0 (event_start)", "'yesterday' is not a time"],
        ),
        (["2026-03-01T00:00,1"], ["line 2", "no UTC offset", "--timezone"]),
        (["2026-03-01T00:00Z,1", "2026-03-01T00:15Z"], ["line 3", "column 1 (power)", "1 columns only"]),
        (["2026-03-01T00:00Z,1", "2026-03-01T00:00Z,2"], ["Lines 2 and 3", "2026-03-01T00:00:00Z"]),
        (["2026-03-01T00:07Z,1"], ["line 2", "no start of a slot of PT15M"]),
        (["2026-03-01T00:00Z,1", "2026-03-01T00:10Z,1", "2026-03-01T00:20Z,1"], ["PT10M are finer", "PT15M"]),
        (
            ["2026-03-01T00:00Z,1", "2026-03-01T00:15Z,1", "2026-03-01T00:40Z,1"],
            ["line 4", "PT15M", "T00:30:00Z"],
        ),
        (["2026-03-01T00:00Z,"], ["holds no values"]),
        ([], ["holds no values"]),
    ],
)
def test_wrong_rows_are_told_by_line_and_nothing_is_stored(
    run: Any, battery: Any, table: Any, values: Any, lines: list[str], said: list[str]
) -> None:
    result = run("add", "beliefs", table(*lines), "--sensor-id", battery.id, *POWER)
    assert result.exit_code == 1
    for text in said:
        assert text in result.output
    assert nan_as_none(values(battery, 4)) == [None] * 4


def test_finer_values_than_the_sensors_are_refused(run: Any, battery: Any, table: Any, values: Any) -> None:
    path = table("2026-03-01T00:00Z,1", "2026-03-01T00:15Z,2")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER, "--resolution", 5)
    assert result.exit_code == 1
    assert "PT5M" in result.output
    assert nan_as_none(values(battery, 2)) == [None, None]


def test_a_time_that_clocks_skip_is_refused(run: Any, battery: Any, table: Any) -> None:
    path = table("2026-03-29 02:30,1")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER, "--timezone", "Europe/Amsterdam")
    assert result.exit_code == 1
    assert "line 2" in result.output
    assert "does not exist in Europe/Amsterdam" in result.output


def test_reading_ends_after_ten_wrong_rows(run: Any, battery: Any, table: Any) -> None:
    result = run("add", "beliefs", table(*["x,1"] * 50), "--sensor-id", battery.id, *POWER)
    assert "line 11" in result.output
    assert "line 12" not in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "meter", "--unit", "kW"), ["--sign is required", "production-positive"]),
        (
            ("--source", "meter", "--unit", "furlong", "--sign", "consumption-positive"),
            ["'furlong'", "kW, MW"],
        ),
        ((*POWER, "--timezone", "Mars/Olympus"), ["--timezone 'Mars/Olympus'", "Europe/Amsterdam"]),
        ((*POWER, "--horizon", "soon"), ["--horizon 'soon'", "PT15M"]),
        ((*POWER, "--resolution", "0"), ["--resolution", "positive"]),
        ((*POWER, "--valuecol", "9"), ["--valuecol 9", "event_start, power"]),
        ((*POWER, "--datecol", "when"), ["--datecol 'when'", "event_start, power"]),
        ((*POWER, "--delimiter", "::"), ["--delimiter", "one character"]),
        (("--source", " ", "--unit", "kW", "--sign", "consumption-positive"), ["--source is empty"]),
    ],
)
def test_wrong_options_are_told_with_what_is_accepted(
    run: Any, battery: Any, table: Any, words: tuple[str, ...], said: list[str]
) -> None:
    result = run("add", "beliefs", table("2026-03-01T00:00Z,1"), "--sensor-id", battery.id, *words)
    assert result.exit_code == 1
    for text in said:
        assert text in result.output


def test_a_file_with_another_delimiter_is_read_unless_one_is_given(
    run: Any, battery: Any, tmp_path: Path, values: Any
) -> None:
    path = tmp_path / "german.csv"
    path.write_text("event_start;power\n2026-03-01T00:00Z;1\n")
    given = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER, "--delimiter", ",")
    assert given.exit_code == 1
    assert "another --delimiter: event_start;power" in given.output
    assert run("add", "beliefs", path, "--sensor-id", battery.id, *POWER).exit_code == 0


def test_an_unknown_sensor_is_told_with_the_known_ones(run: Any, battery: Any, table: Any) -> None:
    path = table("2026-03-01T00:00Z,1")
    for words in (("--sensor-id", 999), ("--sensor", "nobody")):
        result = run("add", "beliefs", path, *words, *POWER)
        assert result.exit_code == 1
        assert f"{battery.id} (my battery)" in result.output
    assert "--sensor-id" in run("add", "beliefs", path, *POWER).output


def test_prices_and_weather_need_no_sign_and_convert_units(
    app: Any, run: Any, table: Any, values: Any
) -> None:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Sensor

    hourly = ("--event-resolution", 60)
    run("add", "market", "--name", "epex", "--market-type-name", "day_ahead", "--unit", "EUR/MWh", *hourly)
    place = ("--latitude", 52, "--longitude", 5, "--weather-sensor-type-name", "radiation", "--unit", "kW/m²")
    run("add", "weather-sensor", "--name", "sun", *place, *hourly)
    with app.app_context():
        market, sun = (
            db.session.scalars(select(Sensor).where(Sensor.name == name)).one() for name in ("epex", "sun")
        )
    price = table("2026-03-01T00:00Z,0.0425", "2026-03-01T01:00Z,-0.01")
    result = run("add", "beliefs", price, "--sensor", "epex", "--source", "exchange", "--unit", "EUR/kWh")
    assert result.exit_code == 0, result.output
    assert values(market, 2) == [42.5, -10]
    light = table("2026-03-01T00:00Z,850", "2026-03-01T01:00Z,0")
    assert (
        run("add", "beliefs", light, "--sensor", "sun", "--source", "roof", "--unit", "W/m²").exit_code == 0
    )
    assert values(sun, 2) == [0.85, 0]
    refused = run(
        *("add", "beliefs", light, "--sensor", "sun", "--source", "roof", "--unit", "W/m²"),
        *("--sign", "consumption-positive"),
    )
    assert refused.exit_code == 1
    assert "--sign has no meaning" in refused.output


def test_a_stray_date_far_away_does_not_fill_the_memory(
    run: Any, battery: Any, table: Any, values: Any
) -> None:
    path = table("2026-03-01T00:00Z,1000", "2026-03-01T00:15Z,2000", "2099-01-01T00:00Z,3000")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *POWER)
    assert result.exit_code == 0, result.output
    assert values(battery, 2) == [1, 2]
