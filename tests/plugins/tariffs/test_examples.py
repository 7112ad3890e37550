"""What the documentation's formulas give."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    pass

from .conftest import HOUR, WINTER, Make

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "tariffs.md"


FILES = {
    tomllib.loads(text)["name"]: text for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S)
}


def test_the_dutch_example_adds_tax_supplier_and_vat(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    publish(market("day_ahead_nl"), WINTER, [100, -50, 0])
    result = add(FILES["home"])
    assert result.exit_code == 0, result.output
    assert "3 prices were computed" in result.output
    expected = [(price / 1000 + 0.02 + 0.10154) * 1.21 for price in (100, -50, 0)]
    assert paid("home", WINTER, 3) == pytest.approx(expected)
    assert add(FILES["home_feed_in"]).exit_code == 0
    assert paid("home_feed_in", WINTER, 3) == pytest.approx([0.09, 0, 0])


def test_the_german_example_has_three_network_fees(
    market: Make, publish: Make, add: Make, paid: Make
) -> None:
    publish(market("day_ahead_de-lu"), WINTER, [0.0] * 24)
    assert add(FILES["wallbox"]).exit_code == 0
    fees = [0.016] * 5 + [0.08] * 12 + [0.14] * 4 + [0.08] * 3
    assert paid("wallbox", WINTER, 24) == pytest.approx([(0.0636 + fee) * 1.19 for fee in fees])


def test_the_british_example_has_a_factor_a_peak_and_a_cap(
    market: Make, publish: Make, add: Make, paid: Make, app: Any
) -> None:
    publish(market("day_ahead_gb", "GBP/MWh", 30), WINTER + HOUR, [100.0] * 36 + [500.0] * 12)
    assert add(FILES["agile_like"]).exit_code == 0
    found = paid("agile_like", WINTER + HOUR, 24)
    assert (found[15], found[16], found[18]) == pytest.approx((0.22 * 1.05, 0.34 * 1.05, 0.95 * 1.05))


def test_the_swedish_example_has_winter_weekdays(market: Make, publish: Make, add: Make, paid: Make) -> None:
    zone = market("day_ahead_se3", "SEK/MWh")
    for day in (WINTER, WINTER + timedelta(days=2), datetime(2026, 6, 3, 22, tzinfo=UTC)):
        publish(zone, day, [0.0] * 24)
    assert add(FILES["villa"]).exit_code == 0
    low, high = (0.428 + 0.1556) * 1.25, (0.428 + 0.1556 + 0.0412) * 1.25
    assert paid("villa", WINTER, 24) == pytest.approx([low] * 6 + [high] * 16 + [low] * 2)
    assert set(paid("villa", WINTER + timedelta(days=2), 24)) == {round(low, 9)}  # a Saturday
    assert set(paid("villa", datetime(2026, 6, 3, 22, tzinfo=UTC), 24)) == {round(low, 9)}
