"""`flexmeasures add beliefs` on files as devices and people make them: steps that change, local days, counters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

HERE = "Europe/Amsterdam"
WORDS = ("--source", "meter", "--sign", "consumption-positive")
QUARTER = timedelta(minutes=15)


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


def series(first: datetime, step: timedelta, values: list[float]) -> dict[datetime, float]:
    return {first + k * step: value for k, value in enumerate(values)}


@pytest.fixture
def daily(app: Any, battery: Any) -> Any:
    """A sensor of local days in Amsterdam."""
    from flexmeasures.db import writing
    from flexmeasures.models import Asset

    with app.app_context(), writing() as session:
        asset = session.get(Asset, battery.id)
        assert asset is not None
        asset.event_resolution = timedelta(days=1)
        asset.timezone = HERE
        return asset


# -- steps that change --------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "half", "quarter"), [("Wh", 500, 250), ("W", 1000, 1000)])
@pytest.mark.parametrize("finer_last", [True, False])
def test_each_row_has_its_own_length_where_the_step_changes(
    run: Any, battery: Any, table: Any, stored: Any, unit: str, half: int, quarter: int, finer_last: bool
) -> None:
    steps = [(30, half)] * 4 + [(15, quarter)] * 8
    moment, lines = at(2023, 12, 30, 5), []
    for minutes, value in steps if finer_last else steps[::-1]:
        lines.append(f"{moment.isoformat()},{value}")
        moment += timedelta(minutes=minutes)
    result = run("add", "beliefs", table(*lines), "--sensor-id", battery.id, *WORDS, "--unit", unit)
    assert result.exit_code == 0, result.output
    assert stored(battery) == pytest.approx(series(at(2023, 12, 30, 5), QUARTER, [0.001] * 16))
    assert "The length of rows changes" in result.output


def test_a_single_row_out_of_step_is_named_and_nothing_is_stored(
    run: Any, battery: Any, table: Any, stored: Any
) -> None:
    clocks = ["00:00", "01:00", "02:00", "02:15", "03:00", "04:00", "05:00"]
    path = table(*(f"2025-06-01T{clock}Z,1" for clock in clocks))
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "kWh")
    assert result.exit_code == 1
    assert "line 5: 2025-06-01T02:15:00Z is out of step" in result.output
    assert stored(battery) == {}


def test_a_gap_stays_a_gap_and_is_told(run: Any, battery: Any, table: Any, stored: Any) -> None:
    clocks = ["00:00", "00:15", "00:30", "01:15", "01:30", "01:45"]
    path = table(*(f"2025-06-01T{clock}Z,1" for clock in clocks))
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 0, result.output
    assert len(stored(battery)) == 6
    assert "1 gaps follow the rows of lines 4" in result.output


# -- local days ---------------------------------------------------------------------------------------

DAYS = {
    "spring": ["2025-03-29,24", "2025-03-30,23", "2025-03-31,24", "2025-04-01,24"],
    "spring, with offsets": [
        "2025-03-29T00:00:00+01:00,24",
        "2025-03-30T00:00:00+01:00,23",
        "2025-03-31T00:00:00+02:00,24",
        "2025-04-01T00:00:00+02:00,24",
    ],
    "autumn": ["2025-10-25,24", "2025-10-26,25", "2025-10-27,24", "2025-10-28,24"],
    "no change": ["2025-02-01,24", "2025-02-02,24"],
    "newest first": ["2025-04-01,24", "2025-03-31,24", "2025-03-30,23"],
    "one day of 23 hours": ["2026-03-29,23"],
    "a day is missing": ["2026-03-28,24", "2026-03-30,24", "2026-03-31,24", "2026-04-01,24"],
}


@pytest.mark.parametrize("lines", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize("more", [(), ("--resolution", "P1D")], ids=["by the times", "P1D"])
def test_energy_of_local_days_is_divided_by_their_real_length(
    run: Any, daily: Any, table: Any, stored: Any, lines: list[str], more: tuple[str, ...]
) -> None:
    words = (*WORDS, "--unit", "kWh", "--timezone", HERE, *more)
    result = run("add", "beliefs", table(*lines), "--sensor-id", daily.id, *words)
    assert result.exit_code == 0, result.output
    found = stored(daily)
    assert list(found.values()) == pytest.approx([0.001] * len(lines))
    from zoneinfo import ZoneInfo

    midnights = {start.astimezone(ZoneInfo(HERE)).strftime("%Y-%m-%d %H:%M") for start in found}
    assert midnights == {f"{line[:10]} 00:00" for line in lines}
    assert f"local calendar days of {HERE}" in result.output


@pytest.mark.parametrize("name", ["spring", "spring, with offsets", "autumn", "one day of 23 hours"])
def test_energy_of_local_days_is_spread_over_finer_slots(
    run: Any, battery: Any, table: Any, stored: Any, name: str
) -> None:
    words = (*WORDS, "--unit", "kWh", "--timezone", HERE)
    result = run("add", "beliefs", table(*DAYS[name]), "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    hours = sum(int(line.rpartition(",")[2]) for line in DAYS[name])
    assert list(stored(battery).values()) == pytest.approx([0.001] * 4 * hours)


def test_months_have_their_real_length(run: Any, battery: Any, table: Any, stored: Any) -> None:
    path = table("2025-02-01,672", "2025-03-01,743", "2025-04-01,720")
    words = (*WORDS, "--unit", "kWh", "--timezone", HERE)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    assert list(stored(battery).values()) == pytest.approx([0.001] * 4 * (672 + 743 + 720))


def test_a_day_that_is_none_of_the_sensors_is_refused(run: Any, daily: Any, table: Any, stored: Any) -> None:
    path = table("2025-02-01,24", "2025-02-02,24")
    words = (*WORDS, "--unit", "kWh", "--timezone", "UTC")
    result = run("add", "beliefs", path, "--sensor-id", daily.id, *words)
    assert result.exit_code == 1
    for said in ("line 2", "no start of a slot of P1D", HERE, "2025-01-31T23:00:00Z", "2025-02-01T23:00:00Z"):
        assert said in result.output
    assert stored(daily) == {}


# -- hours shown twice --------------------------------------------------------------------------------


def autumn() -> list[tuple[str, float]]:
    """Rows of the local day of 25 hours, in order of time, each with its own value."""
    clocks = [f"{hour:02}:{minute:02}" for hour in [0, 1, 2, 2, *range(3, 24)] for minute in (0, 15, 30, 45)]
    return [(f"2025-10-26 {clock}", 1 + k / 100) for k, clock in enumerate(clocks)]


ORDERS: dict[str, Callable[[list[tuple[str, float]]], list[tuple[str, float]]]] = {
    "oldest first": lambda rows: rows,
    "newest first": lambda rows: rows[::-1],
    "sorted by text": lambda rows: sorted(rows, key=lambda row: row[0]),
    "sorted by text, newest first": lambda rows: sorted(rows, key=lambda row: row[0])[::-1],
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_hours_shown_twice_are_read_whatever_the_order_of_rows(
    run: Any, battery: Any, table: Any, stored: Any, order: Any
) -> None:
    path = table(*(f"{clock},{value:.2f}" for clock, value in order(autumn())))
    words = (*WORDS, "--unit", "MW", "--timezone", HERE)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    right = series(at(2025, 10, 25, 22), QUARTER, [value for _, value in autumn()])
    assert stored(battery) == pytest.approx(right)
    sure = order(autumn()) in (autumn(), autumn()[::-1])
    assert ("8 rows" in result.output and "could be either hour" in result.output) is not sure


def test_rows_that_could_be_either_hour_are_told(run: Any, battery: Any, table: Any, stored: Any) -> None:
    rows = autumn()
    path = table(*(f"{clock},{value:.2f}" for clock, value in rows[:8] + rows[12:]))
    words = (*WORDS, "--unit", "MW", "--timezone", HERE)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    assert "4 rows (lines 10, 11, 12, 13) could be either hour" in result.output
    assert len(stored(battery)) == 96


# -- counters and plausibility ------------------------------------------------------------------------


def readings(*values: float) -> list[str]:
    return [f"{(at(2025, 6, 2, 18) + k * QUARTER).isoformat()},{value}" for k, value in enumerate(values)]


def test_a_counters_differences_are_stored(run: Any, battery: Any, table: Any, stored: Any) -> None:
    path = table(*readings(8293, 8293.25, 8293.5, 8293.75, 8294))
    words = (*WORDS, "--unit", "kWh", "--register")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    assert stored(battery) == pytest.approx(series(at(2025, 6, 2, 18), QUARTER, [0.001] * 4))
    assert "4 differences between 5 readings" in result.output


def test_a_counter_that_was_set_back_is_told_and_left_out(
    run: Any, battery: Any, table: Any, stored: Any
) -> None:
    path = table(*readings(8293, 8293.25, 0.25, 0.5))
    words = (*WORDS, "--unit", "kWh", "--register")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert "line 4: the counter fell from 8293.25 to 0.25" in result.output
    assert list(stored(battery).values()) == pytest.approx([0.001, 0.001])


def test_a_counter_that_began_anew_goes_on(run: Any, battery: Any, table: Any, stored: Any) -> None:
    path = table(*readings(9999.5, 9999.75, 0, 0.25))
    words = (*WORDS, "--unit", "kWh", "--register")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert "begun anew after 10000" in result.output
    assert list(stored(battery).values()) == pytest.approx([0.001] * 3)


def test_a_missing_reading_is_bridged_by_the_next(run: Any, battery: Any, table: Any, stored: Any) -> None:
    path = table(*readings(10, 10.25, 10.5), "2025-06-02T18:45Z,", "2025-06-02T19:00Z,11")
    words = (*WORDS, "--unit", "kWh", "--register")
    assert run("add", "beliefs", path, "--sensor-id", battery.id, *words).exit_code == 0
    assert list(stored(battery).values()) == pytest.approx([0.001] * 4)


def test_a_register_needs_a_unit_of_energy(run: Any, battery: Any, table: Any) -> None:
    words = (*WORDS, "--unit", "kW", "--register")
    result = run("add", "beliefs", table(*readings(1, 2)), "--sensor-id", battery.id, *words)
    assert result.exit_code == 1
    assert "--register has no meaning for --unit 'kW'" in result.output


def test_power_above_ten_times_the_capacity_is_refused_unless_allowed(
    run: Any, battery: Any, table: Any, stored: Any
) -> None:
    path = table("2025-06-01T00:00Z,20", "2025-06-01T00:15Z,-20.5")
    words = ("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    refused = run(*words)
    assert refused.exit_code == 1
    for said in ("1 of 2 values", "line 3", "-20.5 MW", "2 MW", "--allow-implausible", "Nothing was stored"):
        assert said in refused.output
    assert stored(battery) == {}
    allowed = run(*words, "--allow-implausible")
    assert allowed.exit_code == 0
    assert "10 times the capacity" in allowed.output
    assert list(stored(battery).values()) == [20, -20.5]


def test_a_counter_taken_for_energies_leads_to_register(
    run: Any, battery: Any, table: Any, stored: Any
) -> None:
    high, low = table(*readings(8293, 8294, 8295, 8296)), None
    result = run("add", "beliefs", high, "--sensor-id", battery.id, *WORDS, "--unit", "kWh")
    assert result.exit_code == 1
    assert "only rise" in result.output
    assert "--register" in result.output
    low = table(*readings(829.3, 829.4, 829.5, 829.6))
    result = run("add", "beliefs", low, "--sensor-id", battery.id, *WORDS, "--unit", "kWh")
    assert result.exit_code == 0
    assert "Was --register meant?" in result.output


# -- times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("factor", "kind"), [(1, "seconds"), (1000, "milliseconds")])
@pytest.mark.parametrize("count", [1, 4])
def test_times_since_1970_are_recognised_and_told(
    run: Any, battery: Any, table: Any, stored: Any, factor: int, kind: str, count: int
) -> None:
    path = table(*(f"{(1712011500 + 900 * k) * factor},{1000 + k}" for k in range(count)))
    words = (*WORDS, "--unit", "W", "--timezone", HERE)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    assert result.exit_code == 0, result.output
    assert f"{count} times were read as {kind} since 1970" in result.output
    right = series(at(2024, 4, 1, 22, 45), QUARTER, [(1000 + k) / 1e6 for k in range(count)])
    assert stored(battery) == pytest.approx(right)


@pytest.mark.parametrize(
    "text", ["1969-12-31T23:45Z", "1712-01-12T00:00Z", "2101-01-01T00:00Z", "171201120000", "17120112000"]
)
def test_years_far_away_and_other_numbers_are_refused(
    run: Any, battery: Any, table: Any, stored: Any, text: str
) -> None:
    result = run("add", "beliefs", table(f"{text},1"), "--sensor-id", battery.id, *WORDS, "--unit", "kW")
    assert result.exit_code == 1
    assert "line 2" in result.output
    assert "1970" in result.output
    assert stored(battery) == {}


def test_starts_near_the_grid_are_moved_and_told(run: Any, battery: Any, table: Any, stored: Any) -> None:
    path = table("2025-06-01T00:00:07Z,1", "2025-06-01T00:15:00Z,1", "2025-06-01T00:29:00Z,1")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 0, result.output
    assert stored(battery) == series(at(2025, 6, 1), QUARTER, [1, 1, 1])
    assert "Moved 2 starts to the nearest slot of the sensor, by PT1M at most" in result.output


def test_a_start_further_off_is_refused_with_the_two_nearest(
    run: Any, battery: Any, table: Any, stored: Any
) -> None:
    path = table("2025-06-01T00:00:00Z,1", "2025-06-01T00:16:01Z,1")
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 1
    for said in ("line 3", "PT15M", "2025-06-01T00:15:00Z", "2025-06-01T00:30:00Z"):
        assert said in result.output
    assert stored(battery) == {}


# -- other files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'<?xml version="1.0"?>\n<feed></feed>', "an XML file"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "an HTML page"),
        (b"PK\x03\x04rest", "an Excel file"),
        (b"\xd0\xcf\x11\xe0rest", "an Excel file"),
        (b'{"a": 1}', "a JSON file"),
        ("time,kW\n".encode("utf-16"), "UTF-16"),
        (b"t,v\n2025-06-01T00:00Z,1,5\n", "a decimal comma, perhaps"),
        (b't,v\n2025-06-01T00:00Z,"1,234"\n', "it has a decimal comma"),
        (b"t,v\n06/10/2025 00:00,1\n", "begins with the day or the month"),
        (
            b"t,v\n2025-06-01T10:00:03Z,1\n2025-06-01T10:07:44Z,1\n2025-06-01T10:16:20Z,1\n2025-06-01T10:31:59Z,1\n",
            "times of the file are irregular",
        ),
        (b"t,v\n2025-06-01T10:00:03Z,unavailable\n", "state of a history"),
    ],
)
def test_the_true_cause_is_named(
    run: Any, battery: Any, tmp_path: Any, stored: Any, content: bytes, said: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 1
    assert said in result.output
    assert stored(battery) == {}


def test_what_was_decided_is_told(run: Any, battery: Any, table: Any) -> None:
    path = table("2025-06-01 00:00,1", "2025-06-01 00:15,1")
    words = (*WORDS, "--unit", "kW", "--timezone", HERE)
    result = run("add", "beliefs", path, "--sensor-id", battery.id, *words)
    for said in ("2 rows of PT15M", f"read in {HERE}", "Values in kW were stored in MW", "Horizon 0"):
        assert said in result.output


def test_rows_that_end_after_the_years_of_files_are_refused(
    run: Any, daily: Any, table: Any, stored: Any
) -> None:
    words = (*WORDS, "--unit", "kWh", "--timezone", HERE, "--resolution", "P40000D")
    result = run("add", "beliefs", table("2025-03-29,24"), "--sensor-id", daily.id, *words)
    assert result.exit_code == 1
    for said in ("line 2", "ends at 2134-", "--resolution", "2101-01-01T00:00:00Z"):
        assert said in result.output
    assert stored(daily) == {}


# -- rows finer than the slots --------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [200_000, 1, 2, 4, 13])
@pytest.mark.parametrize(("unit", "values"), [("kW", (1, 2, 3)), ("kWh", (1 / 12, 2 / 12, 3 / 12))])
def test_rows_finer_than_the_slots_are_averaged_in_whatever_parts(
    run: Any,
    battery: Any,
    table: Any,
    stored: Any,
    unit: str,
    values: tuple[float, ...],
    at_once: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flexmeasures_ingestion.series.ROWS_AT_ONCE", at_once)
    rows = [f"2025-06-01T00:{5 * k:02d}Z,{values[k % 3]}" for k in range(12)]
    rows += ["2025-06-01T01:00Z,1", "2025-06-01T01:05Z,", "2025-06-01T01:10Z,1", "2025-06-01T01:15Z,1"]
    result = run("add", "beliefs", table(*rows), "--sensor-id", battery.id, *WORDS, "--unit", unit)
    assert result.exit_code == 0, result.output
    assert stored(battery) == pytest.approx(series(at(2025, 6, 1), QUARTER, [0.002] * 4))
    assert "were averaged over PT15M" in result.output
    assert "2 slots are not covered by rows as a whole; left out" in result.output


@pytest.mark.parametrize("at_once", [200_000, 1, 3])
def test_a_file_whose_rows_become_finer_than_the_slots_is_read_on(
    run: Any, battery: Any, table: Any, stored: Any, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexmeasures_ingestion.series.ROWS_AT_ONCE", at_once)
    rows = ["2025-06-01T00:00Z,1", "2025-06-01T00:15Z,2", "2025-06-01T00:30Z,3", "2025-06-01T00:45Z,4"]
    rows += [f"2025-06-01T01:{5 * k:02d}Z,{5 + k % 3}" for k in range(9)]
    result = run("add", "beliefs", table(*rows), "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 0, result.output
    assert list(stored(battery).values()) == pytest.approx([1, 2, 3, 4, 6, 6, 6])


def test_finer_rows_that_do_not_fill_the_slots_are_refused(run: Any, battery: Any, table: Any) -> None:
    rows = [f"2025-06-01T00:{10 * k:02d}Z,1" for k in range(6)]
    result = run("add", "beliefs", table(*rows), "--sensor-id", battery.id, *WORDS, "--unit", "MW")
    assert result.exit_code == 1
    assert "finer than the sensor's slots of PT15M" in result.output
