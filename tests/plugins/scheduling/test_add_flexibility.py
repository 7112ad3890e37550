"""`flexmeasures add flexibility`: what an asset asks of all its schedules."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models import Asset, Site


def attributes(app: Any, battery: Any) -> Any:
    with app.app_context():
        return db.session.get(Asset, battery.id).attributes


def test_wishes_are_added_changed_and_taken_back(app: Any, run: Any, battery: Any) -> None:
    first = run("add", "flexibility", "--asset-id", battery.id, "charge_efficiency=0.9", "relax=true")
    assert first.output == "charge_efficiency = 0.9\nrelax = true\n"
    second = run("add", "flexibility", "--asset-id", battery.id, "charge_efficiency=0.8", "relax=")
    assert second.output == "charge_efficiency = 0.8\n"
    assert attributes(app, battery) == {"flexibility": {"charge_efficiency": 0.8}}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("charge_efficiency=15", "charge_efficiency is 15. Accepted: a number above 0 and at most 10."),
        ("charge_efficiency=high", "charge_efficiency is 'high'. Accepted: a number, true or false."),
        ("efficiency=1", "'efficiency' is not known"),
        ("relax", "'relax' is not understood"),
    ],
)
def test_a_wrong_wish_is_named_and_nothing_is_stored(
    app: Any, run: Any, battery: Any, wish: str, words: str
) -> None:
    refused = run("add", "flexibility", "--asset-id", battery.id, "relax=true", wish)
    assert refused.exit_code == 1
    assert words in refused.output
    assert not attributes(app, battery)


def test_a_site_s_wishes_are_changed_and_those_of_assets_refused(app: Any, run: Any, battery: Any) -> None:
    limits = ("--consumption-limit-in-mw", 1, "--production-limit-in-mw", 0)
    run("add", "site", "--name", "home", "--owner-id", battery.owner_id, "--asset-id", battery.id, *limits)
    with app.app_context():
        site_id = db.session.scalars(select(Site.id)).one()
    changed = run("add", "flexibility", "--asset-id", site_id, "peak_price_per_mw=80", "relax=true")
    assert changed.output == "peak_price_per_mw = 80.0\nrelax = true\n"
    refused = run("add", "flexibility", "--asset-id", site_id, "charge_efficiency=0.9")
    assert "'charge_efficiency' is not known. Accepted: any of relax" in refused.output
    assert run("add", "flexibility", "--asset-id", site_id, "peak_price_per_mw=", "relax=").output == ""
    with app.app_context():
        attributes = db.session.get_one(Site, site_id).attributes
    assert attributes["assets"] == [battery.id]
    assert "flexibility" not in attributes
