"""Day-ahead prices of Energy-Charts: another form behind the same contract."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from flexmeasures_energy_charts.provider import EnergyCharts

START = datetime(2025, 9, 30, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
T0 = int(START.timestamp())


def parts(
    service: Any, times: list[Any], prices: list[Any], unit: str = "EUR / MWh", hours: int = 6
) -> list[Any]:
    service.answers = [(200, {}, {"unix_seconds": times, "price": prices, "unit": unit})]
    provider = EnergyCharts(service.url)
    return list(provider.day_ahead_prices("DE-LU", START, START + hours * HOUR))


def test_hours_become_quarter_hours_within_an_answer(service: Any) -> None:
    times = [T0, T0 + 3600, *(T0 + 7200 + 900 * k for k in range(8))]
    hours, quarters = parts(service, times, [1.0, 2.0, *range(8)])
    assert (hours.start, hours.resolution, hours.values.tolist()) == (START, HOUR, [1.0, 2.0])
    assert (quarters.start, quarters.resolution) == (START + 2 * HOUR, HOUR / 4)
    assert quarters.values.tolist() == list(range(8))
    assert service.asked[0][1]["bzn"] == ["DE-LU"]


def test_what_is_missing_stays_unknown(service: Any) -> None:
    first, second = parts(
        service, [T0, T0 + 900, T0 + 1800, T0 + 5400, T0 + 6300], [1.0, None, 3.0, 4.0, 5.0]
    )
    np.testing.assert_equal(first.values, [1.0, np.nan, 3.0])
    assert (second.start, second.resolution) == (START + 1.5 * HOUR, HOUR / 4)


def test_only_the_window_counts_and_nothing_is_nothing(service: Any) -> None:
    [found] = parts(service, [T0 - 3600, T0, T0 + 3600, T0 + 7200], [0.0, 1.0, 2.0, 3.0], hours=2)
    assert found.values.tolist() == [1.0, 2.0]
    assert parts(service, [], []) == []


@pytest.mark.parametrize(
    ("times", "prices", "unit", "says"),
    [
        ([T0], [1.0, 2.0], "EUR / MWh", "belong together"),
        ([T0], [1.0], "GBP / MWh", "not in EUR/MWh"),
        ([T0, T0], [1.0, 2.0], "EUR / MWh", "do not ascend"),
        (["now"], [1.0], "EUR / MWh", "do not ascend"),
    ],
)
def test_what_is_not_understood_is_refused(
    service: Any, times: Any, prices: Any, unit: str, says: str
) -> None:
    from flexmeasures_web_services import ServiceUnavailable

    with pytest.raises(ServiceUnavailable, match=says):
        parts(service, times, prices, unit)


def test_it_is_asked_where_no_other_provider_is_configured(
    app: Any, run: Any, service: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_ENERGY_CHARTS_URL", service.url)
    monkeypatch.setitem(app.config, "ENTSOE_API_TOKEN", None)
    times = [T0 + 2 * 3600 + 3600 * k for k in range(24)]
    service.answers = [(200, {}, {"unix_seconds": times, "price": [5.0] * 24, "unit": "EUR / MWh"})]
    told = run("add", "prices", "--zone", "DE-LU", "--from-date", "2025-10-01", "--to-date", "2025-10-01")
    assert told.exit_code == 0, told.output
    assert "24 new prices of DE-LU in market day_ahead_de-lu" in told.output
