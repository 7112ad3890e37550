"""The page /analytics, its charts, and its downloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from flask import Blueprint, Response, abort, g, redirect, request, session, url_for
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from flexmeasures.auth import roles_required
from flexmeasures.db import db
from flexmeasures.models import Market
from flexmeasures.runtime import runtime
from flexmeasures.timing import iso_time
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts import formatting
from flexmeasures_charts.list_files import csv_response
from flexmeasures_translation import gettext
from flexmeasures_ui.access import user_or_401
from flexmeasures_ui.analytics import ROLES
from flexmeasures_ui.analytics.metrics import metrics_of
from flexmeasures_ui.analytics.readings import PLOTS, chart_of, pairs, power_chart
from flexmeasures_ui.analytics.selection import KEPT, TRACES, Selection, resources, select_by, weather_types
from flexmeasures_ui.analytics.sources import POWER, PRICES, WEATHER, Choice, choices
from flexmeasures_ui.headers import set_headers

IN_SESSION = "analytics"


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app, since plugins can be loaded by several apps in a process)."""
    blueprint = Blueprint("ui_analytics", __name__)
    views: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
        ("/analytics", "analytics", analytics, ("GET",)),
        ("/analytics", "choose", choose, ("POST",)),
        ("/analytics/chart/<plot>.json", "chart", chart, ("GET",)),
        ("/analytics_data/<content>/<kind>", "data", data, ("GET",)),
    )
    for rule, name, view, methods in views:
        guarded = roles_required(*ROLES)(view)
        blueprint.add_url_rule(rule, name, guarded, methods=list(methods), strict_slashes=False)
    blueprint.after_request(set_headers)
    return blueprint


def analytics() -> str:
    """The charts and metrics of what the query string asks for, else of what was chosen last."""
    user = user_or_401()
    offered = resources(user)
    if not offered:
        return render_flexmeasures_template("ui/analytics.html", active_page="analytics", chosen=None)
    asked = {name: value for name, value in _chosen_in(request.args).items() if name in KEPT}
    chosen = select_by(_asked(), user)
    session[IN_SESSION] = {**session.get(IN_SESSION, {}), **asked}
    found = pairs(chosen)
    if chosen.resource not in dict(offered):
        offered.append((chosen.resource, chosen.resource))
    g.draws_chart = True
    return render_flexmeasures_template(
        "ui/analytics.html",
        active_page="analytics",
        chosen=chosen,
        query=chosen.query,
        resources=offered,
        markets=list(
            db.session.execute(select(Market.name, Market.display_name).order_by(Market.display_name))
        ),
        weather_types=weather_types(),
        weather_sensors=_offered_weather(chosen),
        sources=_sources(chosen) if chosen.sources or request.args.get("choose") == "sources" else None,
        traces=TRACES,
        plots=found,
        power_plot=POWER,
        metrics={plot: metrics_of(plot, pair) for plot, pair in found.items()},
        zone_note=formatting.zone_note(chosen.zone, chosen.window.start, chosen.window.end),
    )


def choose() -> Any:
    """A form that was sent: the same page, with the choice in its address."""
    asked = {name: value for name, value in _chosen_in(request.form).items() if name in (*KEPT, "known_at")}
    return redirect(url_for("ui_analytics.analytics", **asked), code=303)  # type: ignore[arg-type]


def chart(plot: str) -> Response:
    """One chart as a Bokeh JSON item, for charts.js."""
    if plot not in PLOTS:
        abort(404)
    chosen = select_by(_asked(), user_or_401())
    if plot == POWER:
        if not chosen.assets:
            abort(404)
        item = runtime().first("draw_power_chart", chart=power_chart(chosen))
    else:
        from flexmeasures_charts.bokeh import draw

        pair = pairs(chosen, [plot]).get(plot)
        if pair is None:
            abort(404)
        item = draw(chart_of(chosen, pair))
    return Response(orjson.dumps(item), content_type="application/json")


def data(content: str, kind: str) -> Response:
    """What the charts ("source") or the table ("metrics") show, as csv or json."""
    if content not in ("source", "metrics") or kind not in ("csv", "json"):
        abort(404)
    chosen = select_by(_asked(), user_or_401())
    rows = _metrics(chosen) if content == "metrics" else _source(chosen)
    if kind == "json":
        return Response(orjson.dumps(rows), content_type="application/json")
    return csv_response(f"analytics-{content}", list(rows[0]) if rows else [], rows)


def _metrics(chosen: Selection) -> list[dict[str, Any]]:
    return [{"plot": plot} | asdict(metrics_of(plot, pair)) for plot, pair in pairs(chosen).items()]


def _source(chosen: Selection) -> list[dict[str, Any]]:
    """A row a slot of the window with a column a series; None where nothing is known."""
    by_start: dict[str, dict[str, float | None]] = {}
    names: dict[str, None] = {}
    for plot, pair in pairs(chosen).items():
        for kind in ("realised", "expected", "scheduled"):
            series = getattr(pair, kind)
            if series is None:
                continue
            name = f"{plot}_{kind} ({pair.unit})"
            names[name] = None
            for k, value in enumerate(series.values.tolist()):
                if value == value:
                    start = iso_time(series.start + k * series.resolution)
                    by_start.setdefault(start, {})[name] = value
    return [
        {"event_start": start} | {name: by_start[start].get(name) for name in names}
        for start in sorted(by_start)
    ]


def _asked() -> Mapping[str, str]:
    """The query string, over what was chosen last."""
    stored: dict[str, str] = session.get(IN_SESSION, {})
    query = _chosen_in(request.args)
    if query.get("start_time") or query.get("end_time"):
        stored = {name: value for name, value in stored.items() if name not in ("start_time", "end_time")}
    return {**stored, **query}


def _chosen_in(values: MultiDict[str, str]) -> dict[str, str]:
    """What was chosen, of sources maybe several; an empty choice is kept where it is one."""
    found = {name: value for name, value in values.items() if value or name == "weather_sensor"}
    if "sources" in values:
        found["sources"] = ",".join(filter(None, values.getlist("sources")))
    return found


def _offered_weather(chosen: Selection) -> list[tuple[str, str]]:
    """Names and titles of the sensors of weather; none is chosen as long as it is the nearest."""
    titles = [(sensor.name, sensor.display_name or sensor.name) for sensor in chosen.weather_sensors]
    return [("", gettext("the nearest")), *titles[1:]] if len(titles) > 1 else []


def _sources(chosen: Selection) -> dict[str, list[Choice]]:
    """By line, who said what is shown."""
    shown = {
        POWER: chosen.assets,
        PRICES: tuple(filter(None, [chosen.market])),
        WEATHER: tuple(filter(None, [chosen.weather])),
    }
    return choices(shown, chosen.window, chosen.sources)
