"""`flexmeasures add site`: assets behind one grid connection."""

from __future__ import annotations

from typing import Any

import pytest

from flexmeasures.db import db
from flexmeasures.models import Site

LIMITS = ("--consumption-limit-in-mw", 1.5, "--production-limit-in-mw", 0)


def test_a_site_holds_its_assets_and_limits(app: Any, run: Any, battery: Any, panels: Any) -> None:
    words = (
        "--name",
        "home",
        "--owner-id",
        battery.owner_id,
        "--asset-id",
        battery.id,
        "--inflexible-id",
        panels.id,
    )
    added = run("add", "site", *words, *LIMITS, "peak_price_per_mw=120")
    assert added.exit_code == 0, added.output
    assert "with 1 flexible and 1 other assets" in added.output
    with app.app_context():
        (site,) = db.session.query(Site)
        assert site.attributes == {
            "assets": [battery.id],
            "inflexible": [panels.id],
            "consumption_limit_in_mw": 1.5,
            "production_limit_in_mw": 0.0,
            "flexibility": {"peak_price_per_mw": 120.0},
        }


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (("--owner-id", 99), "There is no user with id 99"),
        (("--asset-id", 99), "There is no sensor with id 99"),
        (("--consumption-limit-in-mw", -1), "consumption_limit_in_mw is -1"),
        (("charge_efficiency=0.9",), "Accepted: any of relax"),
    ],
)
def test_what_does_not_fit_is_told_and_nothing_is_stored(
    app: Any, run: Any, battery: Any, changed: Any, text: str
) -> None:
    words = ("--name", "home", "--owner-id", battery.owner_id, "--asset-id", battery.id, *LIMITS, *changed)
    refused = run("add", "site", *words)
    assert refused.exit_code == 1
    assert text in refused.output
    with app.app_context():
        assert db.session.query(Site).count() == 0
