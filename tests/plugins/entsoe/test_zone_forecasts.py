"""Load, wind and solar power expected of a zone: sensors that explain its prices, known as they were published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from .test_entsoe import NOW, OCTOBER, SEPTEMBER, add, configured, document  # noqa: F401 (a fixture)

START = datetime(2025, 9, 30, 22, tzinfo=UTC)  # midnight in Brussels
HOUR = timedelta(hours=1)


def expected(kind: str, values: dict[int, float]) -> str:
    points = "".join(
        f"<Point><position>{k}</position><quantity>{value}</quantity></Point>" for k, value in values.items()
    )
    plant = f"<MktPSRType><psrType>{kind}</psrType></MktPSRType>" if kind else ""
    return (
        f"<TimeSeries>{plant}<curveType>A01</curveType><Period><timeInterval><start>2025-09-30T22:00Z</start>"
        f"<end>2025-10-01T22:00Z</end></timeInterval><resolution>PT60M</resolution>{points}</Period></TimeSeries>"
    )


def forecasts(*parts: str) -> bytes:
    space = "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0"
    return f'<GL_MarketDocument xmlns="{space}">{"".join(parts)}</GL_MarketDocument>'.encode()


LOAD = forecasts(expected("", {k: 10_000 + k for k in range(1, 25)}))
PLANTS = forecasts(
    expected("B16", dict.fromkeys(range(1, 25), 100)),
    expected("B18", dict.fromkeys(range(1, 25), 1000)),
    expected("B19", {k: 500 + k for k in range(1, 25)}),
    expected("B20", dict.fromkeys(range(1, 25), 7)),
)


@pytest.fixture
def told(configured: Any) -> Any:  # noqa: F811
    """A service that knows prices and forecasts of a zone."""
    configured.answers = [(200, {}, document(SEPTEMBER, OCTOBER)), (200, {}, LOAD), (200, {}, PLANTS)]
    return configured


def values_of(app: Any, name: str, count: int, **filters: Any) -> list[float]:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db
    from flexmeasures.models import WeatherSensor

    with app.app_context():
        sensor = db.session.scalars(select(WeatherSensor).where(WeatherSensor.name == name)).one()
        return search_one(sensor, START, START + count * HOUR, **filters).values.tolist()


def test_forecasts_of_a_zone_become_sensors_that_explain_its_prices(app: Any, run: Any, told: Any) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Market
    from flexmeasures_forecasting.regressors import regressors_of

    result = add(run, "--with-forecasts")
    assert result.exit_code == 0, result.output
    assert "72 new values of what was expected of NL: load of a bidding zone" in result.output
    assert values_of(app, "zone_load_nl", 2) == [10_001, 10_002]
    assert values_of(app, "zone_solar_nl", 2) == [100, 100]
    assert values_of(app, "zone_wind_nl", 2) == [1501, 1502]  # on land and at sea
    documents = [query["documentType"][0] for _, query in told.asked]
    assert documents == ["A44", "A65", "A69"]
    assert told.asked[1][1]["outBiddingZone_Domain"] == ["10YNL----------L"]
    with app.app_context():
        market = db.session.scalars(select(Market).where(Market.name == "day_ahead_nl")).one()
        assert [each.type for each in regressors_of(market)] == ["zone_load", "zone_solar", "zone_wind"]


def test_they_count_as_known_when_they_were_published(
    app: Any, run: Any, told: Any, monkeypatch: Any
) -> None:
    from flexmeasures import timing

    monkeypatch.setattr(timing, "server_now", lambda: NOW + 12 * HOUR)
    add(run, "--with-forecasts")
    at_ten, at_six = datetime(2025, 9, 30, 8, tzinfo=UTC), datetime(2025, 9, 30, 16, tzinfo=UTC)
    assert values_of(app, "zone_load_nl", 1, prior=at_ten) == [10_001]
    assert values_of(app, "zone_load_nl", 1, prior=at_ten - HOUR) != [10_001]
    assert values_of(app, "zone_wind_nl", 1, prior=at_six) == [1501]
    assert values_of(app, "zone_wind_nl", 1, prior=at_six - HOUR) != [1501]


def test_what_was_taken_out_of_the_regressors_stays_out(app: Any, run: Any, told: Any) -> None:
    from flexmeasures.db import db, writing
    from flexmeasures.models import Market

    add(run, "--with-forecasts")
    with app.app_context(), writing() as session:
        market = session.scalars(select(Market).where(Market.name == "day_ahead_nl")).one()
        market.attributes = {}
    told.answers = [(200, {}, document(SEPTEMBER, OCTOBER)), (200, {}, LOAD), (200, {}, PLANTS)]
    assert add(run, "--with-forecasts").exit_code == 0
    with app.app_context():
        market = db.session.scalars(select(Market).where(Market.name == "day_ahead_nl")).one()
        assert market.attributes == {}


def test_the_job_stores_prices_although_forecasts_cannot_be_had(
    app: Any, told: Any, monkeypatch: Any
) -> None:
    from .test_entsoe import jobs_of

    monkeypatch.setitem(app.config, "FLEXMEASURES_PRICE_ZONES", ["NL"])
    told.answers = [(200, {}, document(SEPTEMBER, OCTOBER)), (200, {}, b"<odd/>")]
    state, result, _ = jobs_of(app)
    assert (state, result) == ("finished", {"zones": 1, "values": 192})
