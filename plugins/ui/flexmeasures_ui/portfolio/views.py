"""The page, its charts, and its sums as CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import orjson
from flask import Blueprint, Response, abort, g, request

from flexmeasures.auth import roles_required
from flexmeasures.errors import InputError
from flexmeasures.runtime import runtime
from flexmeasures.timing import floor_time, server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts import formatting
from flexmeasures_charts.list_files import csv_response
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext
from flexmeasures_ui.access import user_or_401, visible_assets
from flexmeasures_ui.headers import set_headers
from flexmeasures_ui.portfolio import ROLES, plots
from flexmeasures_ui.portfolio.effect import changes, effects_by_type
from flexmeasures_ui.portfolio.effect import total_of as total_of_effects
from flexmeasures_ui.portfolio.summary import Sum, mean_prices, sums_by_type, total_of
from flexmeasures_ui.time_window import Window, asked_window

DAY = timedelta(days=1)
COLUMNS = (
    "type",
    "assets",
    "production_mwh",
    "consumption_mwh",
    "expected_mwh",
    "costs",
    "revenues",
    "profit",
    "currency",
)


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("ui_portfolio", __name__)
    for rule, name, view in (
        ("/portfolio", "portfolio", portfolio),
        ("/portfolio/chart.json", "chart", chart),
        ("/portfolio/effect.json", "effect", effect),
        ("/portfolio/data.<any(csv, json):kind>", "data", data),
    ):
        blueprint.add_url_rule(rule, name, roles_required(*ROLES)(view), strict_slashes=False)
    blueprint.after_request(set_headers)
    return blueprint


def portfolio() -> str:
    """Sums by type, what schedules did, prices of markets, and the charts."""
    assets, window, now = visible_assets(user_or_401()), _window(), server_now()
    sums = sums_by_type(assets, window, now)
    before = Window(window.start - (window.end - window.start), window.start)
    effects = effects_by_type(changes(assets, window))
    all_effects = total_of_effects(effects)
    g.draws_chart = True
    return render_flexmeasures_template(
        "ui/portfolio.html",
        active_page="portfolio",
        window=window,
        side=_side(),
        sides=plots.SIDES,
        side_titles={side: gettext(title) for side, title in plots.TITLES.items()},
        sums=sums,
        total=total_of(sums),
        total_before=total_of(sums_by_type(assets, before, now)),
        effects=[*effects, *([all_effects] if len(effects) > 1 else [])],
        saved=all_effects.saved,
        prices=mean_prices(assets, window),
        zone_note=formatting.zone_note(readers_zone(), window.start, window.end),
    )


def chart() -> Response:
    """The power of all assets together, or of one side stacked by type, as JSON for charts.js."""
    assets, window, side = visible_assets(user_or_401()), _window(), _side()
    if not assets:
        abort(404)
    if side:
        from flexmeasures_charts.stacks import draw_stacks

        return _json(draw_stacks(plots.stacks(assets, window, side)))
    item = runtime().first("draw_power_chart", chart=plots.all_together(assets, window))
    if item is None:
        abort(500)
    return _json(item)


def effect() -> Response:
    """What the schedules change, as JSON for charts.js; 404 without any."""
    from flexmeasures_charts.bokeh import draw

    found = plots.effect(visible_assets(user_or_401()), _window())
    if found is None:
        abort(404)
    return _json(draw(found))


def data(kind: str) -> Response:
    """The sums as CSV or JSON, a row for each currency."""
    rows = _rows(sums_by_type(visible_assets(user_or_401()), _window(), server_now()))
    return _json(list(rows)) if kind == "json" else csv_response("portfolio", COLUMNS, rows)


def _rows(sums: list[Sum]) -> Iterator[dict[str, Any]]:
    for each in sums:
        facts = (each.name, each.assets, each.production, each.consumption, each.expected)
        for currency in each.costs or [""]:
            money = (each.costs.get(currency), each.revenues.get(currency), each.profits.get(currency))
            yield dict(zip(COLUMNS, (*facts, *money, currency), strict=True))


def _json(found: Any) -> Response:
    return Response(orjson.dumps(found), content_type="application/json")


def _side() -> str:
    """The side that is stacked by type; "" for all together."""
    asked = request.args.get("show_stacked", "")
    if asked not in ("", *plots.SIDES):
        abort(
            400, description=f"show_stacked {asked!r} is not understood. Accepted: {', '.join(plots.SIDES)}."
        )
    return asked


def _window() -> Window:
    """What the request asks for; by default the day before now and the day after."""
    if "start" not in request.args and "end" not in request.args:
        now = floor_time(server_now(), timedelta(minutes=15))
        return Window(now - DAY, now + DAY)
    try:
        return asked_window(None, request.args, readers_zone().key)
    except InputError as error:
        abort(400, description=str(error))
