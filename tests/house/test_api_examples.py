"""The examples of docs/howto/api.md are what the API answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "api.md"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PASSWORD = "a-password-for-tests"
SECTION = re.compile(r"^### (GET|POST|PATCH|DELETE) (\S+)$\n(.*?)(?=^##|\Z)", re.M | re.S)
REQUEST = re.compile(r"(?:Body|Query):\n\n```json\n(.*?)```", re.S)
ANSWER = re.compile(r"Answer, (\d+)(?:, without a body\.|, a Bokeh item\.|:\n\n```json\n(.*?)```)", re.S)


@dataclass(frozen=True)
class Example:
    """A request of the page, the HTTP code and the JSON that it is to be answered with."""

    method: str
    path: str
    by_admin: bool
    request: dict[str, Any] | None
    code: int
    answer: Any


def examples(text: str) -> Iterator[Example]:
    """The examples of the page in their order; here every <asset_id> is 4, every <user_id> and <sensor_id> 2."""
    for method, path, section in SECTION.findall(text):
        asked, answered = REQUEST.search(section), ANSWER.search(section)
        assert answered is not None, f"{method} {path} has no answer"
        yield Example(
            method,
            path.replace("<asset_id>", "4").replace("<user_id>", "2").replace("<sensor_id>", "2"),
            "Sent by an admin." in section,
            json.loads(asked[1]) if asked else None,
            int(answered[1]),
            json.loads(answered[2]) if answered[2] else None,
        )


def furnished(folder: Path) -> Any:
    """An app with the content that the page describes."""
    import flexmeasures_master_data as master_data
    from flexmeasures import auth
    from flexmeasures.db import writing
    from flexmeasures.testing import make_app, seed_structure

    app = make_app(folder, FLEXMEASURES_TIMEZONE="Europe/Amsterdam")
    with app.app_context():
        seed_structure()
        with writing() as session:
            auth.create_user("admin", "admin@example.com", PASSWORD, ["admin"])
            session.flush()
            auth.create_user("ada", "ada@example.com", PASSWORD, ["Prosumer"])
            market = {
                "name": "epex_da",
                "market_type_name": "day_ahead",
                "unit": "EUR/MWh",
                "event_resolution": 60,
            }
            master_data.create_market(market)
            session.flush()
            weather = {"weather_sensor_type_name": "temperature", "unit": "°C", "event_resolution": 60}
            place = {"latitude": 52.37, "longitude": 4.89}
            master_data.create_weather_sensor({"name": "temperature_amsterdam"} | weather | place)
    return app


def answers(app: Any, asked: Iterator[Example]) -> Iterator[tuple[Example, int, Any]]:
    """Each example with the code and the JSON that the app answers."""
    client = app.test_client()
    tokens = {
        by_admin: client.post("/api/requestAuthToken", json={"email": email, "password": PASSWORD}).json[
            "auth_token"
        ]
        for by_admin, email in ((True, "admin@example.com"), (False, "ada@example.com"))
    }
    for example in asked:
        parts = (
            {"query_string" if example.method == "GET" else "json": example.request}
            if example.request
            else {}
        )
        headers = {"Authorization": tokens[example.by_admin]}
        response = client.open(example.path, method=example.method, headers=headers, **parts)
        yield example, response.status_code, response.get_json(silent=True)


def test_every_example_of_the_page_is_answered_as_it_says(tmp_path: Path) -> None:
    from flexmeasures import timing

    app = furnished(tmp_path)
    page = list(examples(PAGE.read_text()))
    assert len(page) > 15
    with timing.clock(lambda: NOW):
        for example, code, answer in answers(app, iter(page)):
            what = f"{example.method} {example.path}"
            assert code == example.code, f"{what}: {answer}"
            if isinstance(answer, dict) and "auth_token" in answer:
                assert answer | {"auth_token": ""} == example.answer | {"auth_token": ""}, what
            elif isinstance(answer, dict) and "values" in answer:
                assert answer["values"] == pytest.approx(example.answer["values"], abs=1e-6, nan_ok=True), (
                    what
                )
                assert answer | {"values": []} == example.answer | {"values": []}, what
            elif example.answer is not None or answer is None:
                assert answer == example.answer, what
            else:
                assert set(answer) >= {"target_id", "root_id", "doc"}, what
