"""The page, and its rows as CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response

from flexmeasures.auth import roles_required
from flexmeasures.timing import iso_time, server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts import formatting
from flexmeasures_charts.list_files import asked_file
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import day_and_time
from flexmeasures_ui.access import user_or_401, visible_assets
from flexmeasures_ui.control import ROLES
from flexmeasures_ui.control.actions import Action, actions_of
from flexmeasures_ui.dashboard.plans import plans_of
from flexmeasures_ui.headers import set_headers

COLUMNS = ("asset", "start", "end", "power_in_mw", "energy_in_mwh", "cost", "currency")


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("ui_control", __name__)
    blueprint.add_url_rule("/control", "control", roles_required(*ROLES)(control), strict_slashes=False)
    blueprint.after_request(set_headers)
    return blueprint


def control() -> str | Response:
    """The actions of the user's assets in the next day; with `format=csv` or `format=json` the same as a file."""
    assets, now, zone = visible_assets(user_or_401()), server_now(), readers_zone()
    actions = actions_of(list(plans_of(assets, now).values())) if assets else []
    file = asked_file("actions", COLUMNS, lambda: _rows(actions))
    if file is not None:
        return file
    unit, per_mw = formatting.power_unit(
        max((action.asset.capacity_in_mw or 1.0 for action in actions), default=1.0)
    )
    return render_flexmeasures_template(
        "ui/control.html",
        active_page="control",
        actions=[
            (
                action,
                day_and_time(action.start.astimezone(zone), year=False),
                f"{action.end.astimezone(zone):%H:%M}",
            )
            for action in actions
        ],
        now=now,
        has_assets=bool(assets),
        unit=unit,
        per_mw=per_mw,
        zone_note=formatting.zone_note(zone, now, now),
    )


def _rows(actions: Sequence[Action]) -> list[dict[str, Any]]:
    return [
        {
            "asset": action.asset.name,
            "start": iso_time(action.start),
            "end": iso_time(action.end),
            "power_in_mw": action.power,
            "energy_in_mwh": action.energy,
            "cost": action.cost,
            "currency": action.currency,
        }
        for action in actions
    ]
