"""What each request and each job pays for the database, what JSON columns take, and what lasts."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import text

from flexmeasures.db import db, is_sqlite, writing
from flexmeasures.models import SensorType


def test_an_app_context_with_a_session_starts_no_thread(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(threading.Thread, "start", lambda thread: started.append(thread))
    with app.app_context():
        db.session.execute(text("SELECT 1"))
    assert started == []


def test_the_session_is_closed_with_its_context(app: Flask) -> None:
    with app.app_context():
        session = db.session
        session.execute(text("SELECT 1"))
        assert session.in_transaction()
    assert not session.in_transaction()


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"values": [0.1, 1e-9, 1 / 3]}, {"values": [0.1, 1e-9, 1 / 3]}),
        ({"values": np.array([1.5, 2.0]), "cost": np.float64(0.1)}, {"values": [1.5, 2.0], "cost": 0.1}),
        ({1: "a", "°C": ("x", None, True)}, {"1": "a", "°C": ["x", None, True]}),
        ({"unknown": float("nan")}, {"unknown": None}),
    ],
)
def test_json_columns_take_what_algorithms_give(
    in_app: Flask, value: dict[Any, Any], stored: dict[str, Any]
) -> None:
    with writing() as session:
        kind = session.query(SensorType).filter_by(name="battery").one()
        kind.attributes = value
    db.session.expire_all()
    assert db.session.get_one(SensorType, kind.id).attributes == stored


def test_sqlite_waits_for_the_disk_unless_what_is_written_need_not_last(in_app: Flask) -> None:
    if not is_sqlite():
        pytest.skip("PostgreSQL always waits")
    found = []
    for asked in (True, False, True):
        with writing(lasting=asked) as session:
            found.append(session.scalar(text("PRAGMA synchronous")))
            with writing(lasting=not asked):  # joins the outermost
                found.append(session.scalar(text("PRAGMA synchronous")))
    full, normal = 2, 1
    assert found == [full, full, normal, normal, full, full]
