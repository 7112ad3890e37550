"""Files of markets: SMARD, the ENTSO-E platform, older exports."""

from __future__ import annotations

from typing import Any

from .files import HERE, SMARD, Stored, at


def test_smard_has_decimal_commas_thousands_points_and_both_hours(
    add: Any, prices: Any, stored: Stored
) -> None:
    result = add(prices, SMARD, "--source", "SMARD")
    assert result.exit_code == 0, result.output
    assert "exports of smard.de" in result.output
    assert "read in Europe/Berlin" in result.output
    assert stored(prices) == {
        at(2025, 10, 25, 22): 1234.56,
        at(2025, 10, 25, 22, 15): -12.3,
        at(2025, 10, 26, 0, 45): 3,
        at(2025, 10, 26, 1): 4,
    }


def test_the_english_smard_has_thousands_commas(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        "Start date;End date;Germany/Luxembourg [€/MWh] Original resolutions\n"
        'Oct 1, 2025 12:00 AM;Oct 1, 2025 12:15 AM;"1,234.56"\n'
    )
    assert add(prices, text, "--source", "SMARD").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 1234.56}


def test_a_range_in_one_cell_with_the_zone_in_the_header(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"\n'
        '"01/10/2025 00:00 - 01/10/2025 00:15","BZN|NL","Sequence 1","80.5"\n'
        '"01/10/2025 00:15 - 01/10/2025 00:30","BZN|NL","Sequence 1","n/e"\n'
        '"26/10/2025 02:00:00 (CEST) - 26/10/2025 02:15:00 (CEST)","BZN|NL","Sequence 1","1"\n'
        '"26/10/2025 02:00:00 (CET) - 26/10/2025 02:15:00 (CET)","BZN|NL","Sequence 1","2"\n'
    )
    assert add(prices, text, "--source", "ENTSO-E").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 80.5, at(2025, 10, 26): 1, at(2025, 10, 26, 1): 2}


def test_an_older_export_has_dots(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"\n'
        '"01.10.2025 00:00 - 01.10.2025 00:15","80.5","EUR",""\n'
    )
    assert add(prices, text, "--source", "ENTSO-E").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 80.5}


def test_the_end_of_a_day_may_be_written_as_24_hours(add: Any, radiation: Any, stored: Stored) -> None:
    text = "t;Strahlung [W/m²]\n01.06.2025 23:00;1\n01.06.2025 24:00;2\n02.06.2025 01:00;--\n"
    words = ("--source", "x", "--labels", "end", "--delimiter", ";", *HERE)
    assert add(radiation, text, *words).exit_code == 0
    assert stored(radiation) == {at(2025, 6, 1, 20): 0.001, at(2025, 6, 1, 21): 0.002}
