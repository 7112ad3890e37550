"""The pages: dashboard, list of assets, one asset with its power chart, and the files that they need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from flask import Blueprint, Response, abort, current_app, g, request
from markupsafe import Markup

from flexmeasures import __version__
from flexmeasures.auth import login_required, may
from flexmeasures.errors import FlexMeasuresError
from flexmeasures.models import Asset
from flexmeasures.runtime import runtime
from flexmeasures.timing import iso_time, server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_algorithms import choose
from flexmeasures_algorithms.selection import Kind
from flexmeasures_charts import formatting
from flexmeasures_charts.data import MEASURED, ChartData, read
from flexmeasures_charts.list_files import csv_response
from flexmeasures_charts.reader import readers_zone
from flexmeasures_forecasting import regressors_of, scores, worse_than_repeating
from flexmeasures_master_data import plausibility
from flexmeasures_scheduling import ATTRIBUTE
from flexmeasures_translation import day_and_time, gettext, language, languages
from flexmeasures_ui import (
    brand,
    icons,
    language_choice,
    listing,
    menu,
    panels,
    schedule_view,
    sensors,
    static_files,
    time_window,
    what_if,
)
from flexmeasures_ui.access import asset_or_404, user_or_401
from flexmeasures_ui.dashboard import views
from flexmeasures_ui.dashboard.asset_summary import overview
from flexmeasures_ui.dashboard.rules import RULES, rules_of
from flexmeasures_ui.headers import set_headers

CHARGING = ("one-way_evse", "two-way_evse")


def make_blueprint() -> Blueprint:
    """A new blueprint of all pages (one an app, since plugins can be loaded by several apps in a process)."""
    blueprint = Blueprint("ui", __name__, template_folder="templates")
    blueprint.add_url_rule("/ui/static/<digest>/<name>", "static_file", static_files.static_file)
    blueprint.add_url_rule("/ui/accent.css", "accent", brand.accent)
    blueprint.add_url_rule("/ui/logo", "logo", brand.logo)
    blueprint.add_url_rule("/language/<code>", "language", language_choice.choose)
    for rule, name, view in (
        ("/dashboard", "dashboard", views.dashboard),
        ("/state", "state", views.state),
        ("/assets", "assets", listing.assets),
        ("/assets/<int:asset_id>", "asset", asset),
        ("/assets/<int:asset_id>/chart.json", "chart", chart),
        ("/assets/<int:asset_id>/data.<any(csv, json):kind>", "data", data),
        ("/sensors/<int:sensor_id>", "sensor", sensors.sensor),
        ("/sensors/<int:sensor_id>/chart", "sensor_chart", sensors.chart),
    ):
        blueprint.add_url_rule(rule, name, login_required(view), strict_slashes=False)
    blueprint.app_context_processor(_for_templates)
    blueprint.after_request(set_headers)
    return blueprint


def _for_templates() -> dict[str, Any]:
    """Functions that every template may use."""
    return {
        "site_menu": menu.menu,
        "config_views": lambda: current_app.view_functions,
        "account_page": menu.account_page,
        "api_page": menu.api_page,
        "file_url": static_files.file_url,
        "accent_url": brand.accent_url,
        "logo_url": brand.logo_url,
        "icon": icons.icon,
        "type_icon": icons.type_icon,
        "readers_zone": readers_zone,
        "language": language,
        "languages": languages,
        "here": language_choice.here,
        "script_texts": script_texts,
        "day_and_time": day_and_time,
        "panels": panels.panels,
        "added_plugins": panels.added_plugins,
        "version": __version__,
        "other_now": other_now,
        "number": formatting.number,
        "short": formatting.short,
        "whole": formatting.whole,
        "percent": formatting.percent,
        "command": _command,
        "soc_words": _soc_words,
        "soc_range": _range_of_soc,
        "duration": formatting.duration,
    }


def script_texts() -> dict[str, str]:
    """What the page's scripts say, by the names that they know."""
    return {
        "slow": gettext("Still loading; a shorter window is faster."),
        "failed": gettext("The chart cannot be shown. The table below is complete; reload to try again."),
        "now": gettext("now"),
        "place": gettext("The place"),
        "loading": gettext("Loading"),
        "noState": gettext("The state of this asset cannot be shown now."),
    }


def _command(text: str) -> Markup:
    """A command of the command line, as part of a text."""
    return Markup("<code>{}</code>").format(text)


def _soc_words(asset: Asset) -> str:
    """The state of charge, of the largest that there can be: "0.3 of 1 MWh", "20 of 60 kWh"."""
    now, most = asset.soc_in_mwh, asset.max_soc_in_mwh
    if now is None:
        return ""
    unit, per_mwh = formatting.energy_unit(most if most is not None else now)
    if most is None:
        return f"{formatting.short(now * per_mwh)} {unit}"
    amounts = (formatting.short(now * per_mwh), formatting.short(most * per_mwh))
    return gettext("%(now)s of %(most)s", now=amounts[0], most=f"{amounts[1]} {unit}")


def _range_of_soc(asset: Asset) -> str:
    """From the least to the largest state of charge."""
    most = asset.max_soc_in_mwh or 0.0
    unit, per_mwh = formatting.energy_unit(most)
    least = formatting.short((asset.min_soc_in_mwh or 0.0) * per_mwh)
    return f"{least}\u2013{formatting.short(most * per_mwh)} {unit}"


def other_now() -> str:
    """The present, in words, where the domain's clock tells another day than others do."""
    now = server_now()
    return "" if abs(now - datetime.now(UTC)) < time_window.DAY else formatting.local(now, readers_zone())


# -- pages ---------------------------------------------------------------------------------------------


def asset(asset_id: int) -> str:
    """One asset: its facts, its chart, the same as a table, and why its newest schedule is as it is."""
    return asset_page(asset_or_404(asset_id))


def asset_page(
    found: Asset, typed: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> str:
    """The page of an asset. typed, errors: what its form "Plan now" keeps and tells, by field, when it was refused."""
    window = time_window.of_request(found)
    shown = read(time_window.power_chart(found, window))
    per_mw = formatting.power_unit(found.capacity_in_mw or 1.0)[1]
    sign = 1.0 if shown.consumption_as_positive else -1.0
    measured = [line.series.values * sign / per_mw for line in shown.power if line.kind == MEASURED]
    scored = scores(found, window.start, window.end)
    g.draws_chart = True
    return render_flexmeasures_template(
        "ui/asset.html",
        active_page="assets",
        asset=found,
        may_change=may(user_or_401(), "update", found),
        overview=overview([found], user_or_401()),
        window=window,
        chart=shown,
        rows=_rows(shown),
        zone_note=formatting.zone_note(shown.zone, shown.start, shown.end),
        shows_extremes=any(line.kind == MEASURED and line.band is not None for line in shown.power),
        plan=schedule_view.plan_of(found),
        refusal=schedule_view.refusal_of(found),
        question=what_if.question_of(found, request.args),
        limits=what_if.CHOICES,
        plan_form=_plan_form(found) if typed is None else typed,
        plan_errors=errors or {},
        algorithms=_algorithms(found),
        asked=(found.attributes or {}).get(ATTRIBUTE) or {},
        explained_by=regressors_of(found),
        rules=[
            (gettext(RULES[key].title), formatting.short(value)) for key, value in rules_of(found).items()
        ],
        scores=scored,
        per_mw=per_mw,
        doubts=[text for values in measured if (text := plausibility.power(found, values)) is not None],
        worse=worse_than_repeating(found, min(window.end, server_now())) if scored else [],
    )


def _plan_form(asset: Asset) -> dict[str, str]:
    """What the form of a plan offers: the state of charge now, and to be full when a car usually leaves."""
    departure = _departure(asset)
    full = formatting.short(asset.max_soc_in_mwh) if departure and asset.max_soc_in_mwh is not None else ""
    soc = "" if asset.soc_in_mwh is None else formatting.short(asset.soc_in_mwh)
    return {"soc": soc, "target": full, "target_time": departure}


def _departure(asset: Asset) -> str:
    """When a car usually leaves a charging point: the next 7:00 on local clocks, as forms have it; "" elsewhere."""
    if asset.type_name not in CHARGING:
        return ""
    now = server_now().astimezone(readers_zone())
    seven = now.replace(hour=7, minute=0, second=0, microsecond=0)
    return f"{seven if seven > now else seven + timedelta(days=1):%Y-%m-%dT%H:%M}"


def _algorithms(asset: Asset) -> list[tuple[str, str, str]]:
    """What plans and forecasts the asset, the algorithm's name, and why it is that one."""
    found = []
    kinds: tuple[tuple[Kind, str], ...] = (
        ("scheduler", gettext("Planned by")),
        ("forecaster", gettext("Forecast by")),
    )
    for kind, what in kinds:
        try:
            choice = choose(kind, asset)
        except FlexMeasuresError as error:
            found.append((what, gettext("none"), str(error)))
        else:
            found.append((what, choice.algorithm.name, choice.because))
    return found


def chart(asset_id: int) -> Response:
    """The chart of one asset, as JSON for charts.js."""
    found = asset_or_404(asset_id)
    wanted = time_window.power_chart(found, time_window.of_request(found))
    item = runtime().first("draw_power_chart", chart=wanted)
    if item is None:
        abort(500)
    return Response(orjson.dumps(item), content_type="application/json")


def data(asset_id: int, kind: str) -> Response:
    """What the chart of one asset shows, as CSV or JSON with times in ISO 8601."""
    found = asset_or_404(asset_id)
    shown = read(time_window.power_chart(found, time_window.of_request(found)))
    columns = ["event_start", *(f"{line.name} ({line.unit})" for line in _lines(shown))]
    rows = [dict(zip(columns, (iso_time(start), *values), strict=True)) for start, values in _rows(shown)]
    if kind == "json":
        return Response(orjson.dumps(rows), content_type="application/json")
    return csv_response(f"asset-{found.id}", columns, rows)


# -- what pages show -----------------------------------------------------------------------------------


def _lines(shown: ChartData) -> list[Any]:
    return [*shown.power, *([shown.price] if shown.price is not None else [])]


def _rows(shown: ChartData) -> list[tuple[datetime, list[float | None]]]:
    """The chart as a table: local start of each slot that has a value, and one value a line (None: unknown)."""
    lines = _lines(shown)
    by_start: dict[datetime, list[float | None]] = {}
    for column, line in enumerate(lines):
        for k, value in enumerate(line.series.values.tolist()):
            if value == value:
                start = line.series.start + k * line.series.resolution
                by_start.setdefault(start, [None] * len(lines))[column] = value
    return [(start.astimezone(shown.zone), by_start[start]) for start in sorted(by_start)]
