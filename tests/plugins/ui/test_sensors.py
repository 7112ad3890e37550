"""The experimental page of any sensor."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import HOUR, START


@pytest.fixture
def market(app: Any, store: Any) -> Any:
    """A market with hourly prices around now."""
    import flexmeasures_master_data as master_data
    from flexmeasures.db import writing

    fields = {"name": "hourly", "market_type_name": "day_ahead", "unit": "EUR/MWh", "event_resolution": 60}
    with app.app_context(), writing():
        made = master_data.create_market(fields | {"display_name": "Hourly market"})
    store(made, [40.0, 50.0, 60.0], START, step=HOUR)
    return made


@pytest.mark.contract("14.10")
def test_an_admin_sees_facts_and_chart_of_any_sensor(
    client: Any, as_user: Any, admin: Any, market: Any, battery: Any
) -> None:
    with as_user(client, admin):
        page = client.get(f"/sensors/{market.id}/").text
        assert "Hourly market" in page
        assert f'data-chart="/sensors/{market.id}/chart?' in page
        chart = client.get(f"/sensors/{market.id}/chart/")
        assert (chart.status_code, set(chart.json)) == (200, {"target_id", "root_id", "doc", "version"})
        assert "Day-ahead market, EUR/MWh" in chart.text
        power = client.get(f"/sensors/{battery.id}/chart")
        assert "Power, MW (consumption +)" in power.text


@pytest.mark.contract("14.10")
def test_others_do_not_and_an_unknown_sensor_is_told(
    client: Any, as_user: Any, admin: Any, prosumer: Any, market: Any
) -> None:
    assert client.get(f"/sensors/{market.id}").status_code == 302
    with as_user(client, prosumer):
        for path in ("", "/chart"):
            assert client.get(f"/sensors/{market.id}{path}").status_code == 403
    with as_user(client, admin):
        assert client.get("/sensors/4711").status_code == 404
        assert client.get(f"/sensors/{market.id}?start=x&end=y").status_code == 400
