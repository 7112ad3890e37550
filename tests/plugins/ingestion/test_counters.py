"""Readings of counters, and powers that an asset can hardly have."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import QUARTER, WORDS, at, series


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
