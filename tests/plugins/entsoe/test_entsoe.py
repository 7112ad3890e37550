"""Day-ahead prices of ENTSO-E's platform, through the command, the job and the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from flexmeasures import timing
from flexmeasures.models import Market

TOKEN = "a-token-that-nobody-may-see"
NAMESPACE = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
HOUR = timedelta(hours=1)
NOW = datetime(2025, 9, 30, 12, tzinfo=UTC)  # 14:00 in Brussels: the prices of 1 October are out


def series(
    start: str, end: str, resolution: str, points: dict[int, float], position: str = "1", curve: str = "A03"
) -> str:
    told = "".join(
        f"<Point><position>{k}</position><price.amount>{value}</price.amount></Point>"
        for k, value in points.items()
    )
    return (
        f"<TimeSeries><mRID>1</mRID><currency_Unit.name>EUR</currency_Unit.name>"
        f"<price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        f"<classificationSequence_AttributeInstanceComponent.position>{position}"
        f"</classificationSequence_AttributeInstanceComponent.position><curveType>{curve}</curveType>"
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval>"
        f"<resolution>{resolution}</resolution>{told}</Period></TimeSeries>"
    )


def document(*parts: str) -> bytes:
    body = f'<?xml version="1.0" encoding="utf-8"?><Publication_MarketDocument xmlns="{NAMESPACE}">'
    return (body + "".join(parts) + "</Publication_MarketDocument>").encode()


def acknowledgement(code: str, text: str) -> bytes:
    reason = f"<Reason><code>{code}</code><text>{text}</text></Reason>"
    return f"<Acknowledgement_MarketDocument>{reason}</Acknowledgement_MarketDocument>".encode()


# Hours until the end of September 2025, quarter-hours from 1 October on; midnights of Brussels, summer time.
SEPTEMBER = series("2025-09-29T22:00Z", "2025-09-30T22:00Z", "PT60M", {1: 10.0, 2: 20.0, 24: -5.0})
OCTOBER = series("2025-09-30T22:00Z", "2025-10-01T22:00Z", "PT15M", {1: 40.0, 5: 50.0})


@pytest.fixture
def configured(app: Any, service: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    from flexmeasures_web_services import http

    settings = {"FLEXMEASURES_ENTSOE_URL": service.url, "ENTSOE_API_TOKEN": TOKEN}
    for name, value in (settings | {"FLEXMEASURES_PRICE_PROVIDER": "ENTSO-E"}).items():
        monkeypatch.setitem(app.config, name, value)
    retries = http._retries().new(backoff_factor=0, backoff_jitter=0)
    monkeypatch.setattr(http, "_retries", lambda: retries)
    monkeypatch.setattr(timing, "server_now", lambda: NOW)
    service.answers = [(200, {}, document(SEPTEMBER, OCTOBER))]
    return service


def add(run: Any, *words: Any) -> Any:
    return run(
        "add", "prices", "--zone", "NL", "--from-date", "2025-09-30", "--to-date", "2025-10-01", *words
    )


def known(app: Any, start: datetime, count: int, step: timedelta, **filters: Any) -> list[float]:
    from flexmeasures.beliefs import search_one
    from flexmeasures.db import db

    with app.app_context():
        market = db.session.scalars(select(Market).where(Market.name == "day_ahead_nl")).one()
        return search_one(market, start, start + count * step, resolution=step, **filters).values.tolist()


def test_prices_of_a_zone_are_stored_in_a_market_that_is_made_also_where_hours_become_quarters(
    app: Any, run: Any, configured: Any
) -> None:
    told = add(run)
    assert told.exit_code == 0, told.output
    assert "192 new prices of NL in market day_ahead_nl" in told.output
    [(path, query)] = configured.asked
    assert path == "/api"
    assert query["in_Domain"] == query["out_Domain"] == ["10YNL----------L"]
    assert (query["periodStart"], query["periodEnd"]) == (["202509292200"], ["202510012200"])
    hours = known(app, datetime(2025, 9, 29, 22, tzinfo=UTC), 24, HOUR)
    assert hours == [10.0, *[20.0] * 22, -5.0]  # a position that is missing repeats the value before it
    quarters = known(app, datetime(2025, 9, 30, 22, tzinfo=UTC), 6, HOUR / 4)
    assert quarters == [40.0] * 4 + [50.0] * 2


def test_prices_count_as_known_since_their_publication(app: Any, run: Any, configured: Any) -> None:
    add(run)
    start = datetime(2025, 9, 29, 22, tzinfo=UTC)
    published = datetime(2025, 9, 29, 11, tzinfo=UTC)  # 13:00 in Brussels, the day before
    assert np.isfinite(known(app, start, 24, HOUR, prior=published)).all()
    assert not np.isfinite(known(app, start, 24, HOUR, prior=published - timedelta(minutes=1))).any()


def test_a_correction_counts_as_known_since_it_was_seen(
    app: Any, run: Any, configured: Any, monkeypatch: Any
) -> None:
    add(run)
    assert "0 new prices" in add(run).output
    corrected = series("2025-09-29T22:00Z", "2025-09-30T22:00Z", "PT60M", {1: 11.0, 2: 20.0, 24: -5.0})
    configured.answers = [(200, {}, document(corrected, OCTOBER))]
    later = NOW + HOUR
    monkeypatch.setattr(timing, "server_now", lambda: later)
    assert "4 new prices" in add(run).output
    start = datetime(2025, 9, 29, 22, tzinfo=UTC)
    assert known(app, start, 1, HOUR) == [11.0]
    assert known(app, start, 1, HOUR, prior=NOW) == [10.0]


def test_a_market_of_hours_gets_means_of_quarter_hours(app: Any, run: Any, configured: Any) -> None:
    words = ("--market-type-name", "day_ahead", "--unit", "EUR/kWh", "--event-resolution", 60)
    run("add", "market", "--name", "day_ahead_nl", *words)
    add(run)
    assert known(app, datetime(2025, 9, 30, 22, tzinfo=UTC), 2, HOUR) == [0.04, 0.05]


def test_only_the_coupled_auction_counts(app: Any, run: Any, configured: Any) -> None:
    other = series("2025-09-30T22:00Z", "2025-10-01T22:00Z", "PT15M", {1: 99.0}, position="2")
    configured.answers = [(200, {}, document(OCTOBER, other))]
    add(run)
    assert known(app, datetime(2025, 9, 30, 22, tzinfo=UTC), 1, HOUR) == [40.0]


def test_of_another_curve_a_missing_position_is_unknown(app: Any, run: Any, configured: Any) -> None:
    part = series("2025-09-30T22:00Z", "2025-10-01T22:00Z", "PT60M", {1: 40.0, 3: 50.0}, curve="A01")
    configured.answers = [(200, {}, document(part))]
    add(run)
    assert np.isfinite(known(app, datetime(2025, 9, 30, 22, tzinfo=UTC), 3, HOUR)).tolist() == [
        True,
        False,
        True,
    ]


BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    b"<Publication_MarketDocument>&b;</Publication_MarketDocument>"
)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (401, b"Unauthorized", "the key is not accepted"),
        (503, b"", "status 503"),
        (400, acknowledgement("999", "No matching data found"), "knows no prices of NL"),
        (400, acknowledgement("100", "Too many days"), "refuses: Too many days"),
        (200, b"<html><body>", "something else than its XML"),
        (200, BOMB, "something else than its XML"),
        (200, b"<Other/>", "another document (Other)"),
        (
            200,
            document(series("2025-09-30T22:00Z", "2025-10-01T22:00Z", "PT60M", {25: 1.0})),
            "not understood",
        ),
        (200, document(series("2025-09-30T22:00Z", "2035-10-01T22:00Z", "PT1S", {1: 1.0})), "not understood"),
        (200, document(series("now", "then", "PT60M", {1: 1.0})), "not understood"),
    ],
)
def test_what_is_no_price_is_told_without_the_token_and_nothing_is_stored(
    status: int, body: bytes, says: str, app: Any, run: Any, configured: Any
) -> None:
    from flexmeasures.db import db

    configured.answers = [(status, {}, body)]
    told = add(run)
    assert told.exit_code == 1
    assert says in told.output
    assert TOKEN not in told.output
    with app.app_context():
        assert db.session.scalar(select(Market).where(Market.name == "day_ahead_nl")) is None


def test_a_zone_that_is_none_is_refused_with_those_that_are(run: Any, configured: Any) -> None:
    told = run("add", "prices", "--zone", "Mars", "--from-date", "2025-09-30", "--to-date", "2025-10-01")
    assert told.exit_code == 1
    assert "DE-LU" in told.output
    assert configured.asked == []


def jobs_of(app: Any) -> Any:
    from flexmeasures import jobs
    from flexmeasures.db import db, writing
    from flexmeasures.models import Job

    with app.app_context():
        with writing():
            jobs.enqueue("import prices", {}, queue="prices")
        job = db.session.scalars(select(Job).order_by(Job.id.desc())).first()
        return job.state, job.result, job.error


def test_the_job_waits_for_the_publication_then_asks_until_tomorrow_is_there(
    app: Any, configured: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_PRICE_ZONES", ["NL"])
    monkeypatch.setattr(timing, "server_now", lambda: NOW - 3 * HOUR)  # 11:00
    assert jobs_of(app) == ("finished", {"waits": "for the publication at 13:00"}, None)
    monkeypatch.setattr(timing, "server_now", lambda: NOW)
    configured.answers = [(200, {}, document(SEPTEMBER))]
    assert jobs_of(app)[1] == {"zones": 1, "values": 24}
    configured.answers = [
        (200, {}, document(series("2025-09-30T22:00Z", "2025-10-01T22:00Z", "PT60M", {1: 40.0})))
    ]
    assert jobs_of(app)[1] == {"zones": 1, "values": 24}
    asked = len(configured.asked)
    assert jobs_of(app)[1] == {"zones": 0, "values": 0}
    assert len(configured.asked) == asked
    monkeypatch.setattr(timing, "server_now", lambda: NOW + 5 * HOUR)  # 19:00: once more, for corrections
    assert jobs_of(app)[1] == {"zones": 1, "values": 0}


def test_a_job_without_any_answer_fails_and_says_when_it_asks_again(
    app: Any, configured: Any, monkeypatch: Any
) -> None:
    monkeypatch.setitem(app.config, "FLEXMEASURES_PRICE_ZONES", ["NL"])
    configured.answers = [(503, {}, b"")]
    state, _, error = jobs_of(app)
    assert state == "failed"
    assert "asked for again at 2025-09-30T13:00:00Z" in error
    assert TOKEN not in error
