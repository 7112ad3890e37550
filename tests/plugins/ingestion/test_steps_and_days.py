"""Rows whose length changes, local days, and the hour that is shown twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from .conftest import HERE, QUARTER, WORDS, at, series


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
