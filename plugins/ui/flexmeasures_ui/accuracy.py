"""/accuracy: how good forecasts were, by asset, horizon and source, in the weeks before; the same as CSV and JSON.

It is a plugin of its own, so that it can be replaced or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask, Response

    from flexmeasures.models import Asset, User
    from flexmeasures_forecasting import Score

ROLES = ("Prosumer",)  # and admin
WINDOWS = (7, 14, 28, 84)  # days
USUAL = 14
MOST_ASSETS = 20  # of which the league is told on one page
WEEKS = 8  # over which one asset is followed
WEEK = timedelta(days=7)
COLUMNS = (
    "asset",
    "source",
    "horizon",
    "events",
    "one_minus_wape",
    "mae_in_mw",
    "bias_in_mw",
    "coverage",
    "skill_naive",
    "skill_seasonal",
    "best",
)


@dataclass(frozen=True)
class Row:
    """One line of the league. best: whether it has the least error of its asset and horizon."""

    asset: Asset
    score: Score
    best: bool


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page."""
    from flask import Blueprint

    from flexmeasures.auth import roles_required
    from flexmeasures_ui.headers import set_headers

    blueprint = Blueprint("ui_accuracy", __name__)
    blueprint.add_url_rule("/accuracy", "accuracy", roles_required(*ROLES)(accuracy), strict_slashes=False)
    blueprint.after_request(set_headers)
    return [blueprint]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For those who have, or watch over, assets."""
    from flexmeasures_translation import marked
    from flexmeasures_ui.menu import entry_for

    return entry_for(user, ROLES, "accuracy", marked("Accuracy"), "ui_accuracy.accuracy", "bullseye")


def accuracy() -> str | Response:
    """The league of all assets, or of the one that `asset` names, which is also followed week by week."""
    from flask import abort, request

    from flexmeasures.timing import floor_time, server_now
    from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
    from flexmeasures_charts.list_files import asked_file
    from flexmeasures_forecasting import worse_than_repeating
    from flexmeasures_ui.access import user_or_401, visible_assets

    assets = visible_assets(user_or_401())
    days, name = (request.args.get(each, "") for each in ("days", "asset"))
    if days and days not in map(str, WINDOWS):
        abort(400, description=f"days is not understood. Accepted: {', '.join(map(str, WINDOWS))}.")
    chosen = [asset for asset in assets if asset.name == name] if name else assets[:MOST_ASSETS]
    if name and not chosen:
        abort(404)
    end = floor_time(server_now(), timedelta(minutes=15))
    length = int(days or USUAL)
    rows = league(chosen, end - timedelta(days=length), end)
    return asked_file("accuracy", COLUMNS, lambda: map(_fields, rows)) or render_flexmeasures_template(
        "ui/accuracy.html",
        active_page="accuracy",
        assets=assets,
        chosen=chosen[0] if name else None,
        days=length,
        windows=WINDOWS,
        rows=rows,
        left_out=0 if name else len(assets) - len(chosen),
        warnings=[(asset, text) for asset in chosen for text in worse_than_repeating(asset, end)]
        if rows
        else [],
        weeks=_weeks(chosen[0], end) if name else [],
        explained=_explained(chosen[0]) if name else None,
    )


def league(assets: Sequence[Asset], start: datetime, end: datetime) -> list[Row]:
    """The scores of all sources, by asset and horizon, the least error first."""
    from flexmeasures_forecasting import scores

    found: list[Row] = []
    for asset in assets:
        ranked = sorted(scores(asset, start, end), key=lambda score: (score.horizon, score.mae))
        seen: set[timedelta] = set()
        for score in ranked:
            found.append(Row(asset, score, score.horizon not in seen))
            seen.add(score.horizon)
    return found


def _weeks(asset: Asset, end: datetime) -> list[tuple[str, timedelta, list[float | None]]]:
    """By source and horizon, 1 - WAPE of each of the last weeks, the oldest first."""
    from flexmeasures_forecasting import scores

    found: dict[tuple[str, timedelta], list[float | None]] = {}
    for k in range(WEEKS):
        first = end - (WEEKS - k) * WEEK
        for score in scores(asset, first, first + WEEK):
            values = found.setdefault((score.source.description, score.horizon), [None] * WEEKS)
            values[k] = score.one_minus_wape
    return [(source, horizon, values) for (source, horizon), values in sorted(found.items())]


def _explained(asset: Asset) -> tuple[str, list[timedelta], dict[str, list[float | None]]] | None:
    """When the last forecasts were made that used regressors, their horizons, and how much each regressor helped."""
    from flexmeasures.timing import parse_duration
    from flexmeasures_charts.formatting import local
    from flexmeasures_charts.reader import readers_zone
    from flexmeasures_forecasting import last_helps

    told = last_helps(asset)
    if told is None:
        return None
    at, by_horizon = told
    kinds = dict.fromkeys(kind for helps in by_horizon.values() for kind in helps)
    rows = {kind: [helps.get(kind) for helps in by_horizon.values()] for kind in kinds}
    return local(at, readers_zone()), [parse_duration(each) for each in by_horizon], rows


def _fields(row: Row) -> dict[str, Any]:
    from flexmeasures.timing import iso_duration

    score = row.score
    return dict(
        zip(
            COLUMNS,
            (
                row.asset.name,
                score.source.description,
                iso_duration(score.horizon),
                score.n,
                score.one_minus_wape,
                score.mae,
                score.bias,
                score.coverage,
                score.skill_naive,
                score.skill_seasonal,
                row.best,
            ),
            strict=True,
        )
    )
