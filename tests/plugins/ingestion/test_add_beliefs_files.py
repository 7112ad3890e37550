"""Times, true causes of errors, and rows finer than the slots."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import HERE, QUARTER, WORDS, at, series


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
