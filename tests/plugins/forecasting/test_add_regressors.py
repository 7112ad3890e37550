"""`flexmeasures add regressors`."""

from __future__ import annotations

from typing import Any


def test_regressors_are_added_excluded_and_reset(run: Any, app: Any, battery: Any) -> None:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Market

    with app.app_context():
        market = db.session.scalars(select(Market).order_by(Market.id.desc())).first()
        assert market is not None
        number, name = market.id, market.name
    words = ("add", "regressors", "--sensor-id", battery.id)
    added = run(*words, number)
    assert added.exit_code == 0
    assert f"{name}: sensor {number}" in added.output
    excluded = run(*words, "--exclude", number)
    assert "Nothing explains sensor" in excluded.output
    again = run(*words, number)
    assert f"{name}: sensor {number}" in again.output
    assert "Nothing explains sensor" in run(*words, "--reset").output
    refused = run(*words, 999_999)
    assert refused.exit_code == 1
    assert "999999 is no sensor that can be used here" in refused.output
