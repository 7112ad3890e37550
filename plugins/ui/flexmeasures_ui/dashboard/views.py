"""The page, and the state of one asset for its popup on the map."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import current_app, flash, g, render_template, request, session

from flexmeasures.beliefs import last_values, search_one
from flexmeasures.models import User
from flexmeasures.timing import floor_time, server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext
from flexmeasures_ui.access import LARGEST_ID, asset_or_404, user_or_401, visible_assets
from flexmeasures_ui.dashboard import balance, drawings
from flexmeasures_ui.dashboard.alerts import alerts
from flexmeasures_ui.dashboard.asset_summary import overview
from flexmeasures_ui.dashboard.plans import count_failed_jobs, plans_of
from flexmeasures_ui.time_window import only_produces

DAY = timedelta(days=1)
MOST_ROWS = 50  # of the table; those that are silent come first
MAPBOX = "https://api.mapbox.com/styles/v1/mapbox/streets-v12/tiles/{z}/{x}/{y}?access_token="


def dashboard() -> str:
    """The user's assets at a glance; `?clear-session` first forgets what was chosen on other pages."""
    if "clear-session" in request.args:
        # What starts with an underscore is the login's.
        for name in [name for name in session if not name.startswith("_")]:
            session.pop(name)
        flash(gettext("What was chosen on other pages is forgotten."))
    return dashboard_page(user_or_401())


def dashboard_page(user: User) -> str:
    """The dashboard of a user (also shown at /). All its numbers come from one look at the assets."""
    assets = visible_assets(user)
    now = server_now()
    plans = plans_of(assets, now)
    seen = overview(assets, user, plans)
    zone = readers_zone()
    reporting = [row.asset for row in seen.rows if not row.stale and not row.planned]
    found = alerts(assets, reporting, seen.powers, now, zone)
    return render_flexmeasures_template(
        "ui/dashboard.html",
        active_page="dashboard",
        overview=replace(seen, rows=tuple(sorted(seen.rows, key=lambda row: not row.stale)[:MOST_ROWS])),
        count=len(assets),
        sides=balance.sides(seen.powers, assets, seen.unit, seen.per_mw),
        money=balance.money(sum(seen.powers.values()), assets, now),
        groups=balance.groups(assets, seen.powers, seen.unit, seen.per_mw),
        lanes=[
            (
                plan.asset,
                drawings.steps(
                    plan.powers, "schedule", gettext("Schedule of %(name)s", name=plan.asset.display_name)
                ),
                plan.next_action(zone),
            )
            for plan in plans.values()
        ],
        alerts=found,
        failed=count_failed_jobs(now, [asset.id for asset in assets]) if assets else 0,
        placed=[asset for asset in assets if asset.latitude is not None and asset.longitude is not None],
        tiles=map_tiles(),
    )


def map_tiles() -> str:
    """The address of tiles for a map of this page, which may ask for them; "" for none: the map of countries alone."""
    token = current_app.config["MAPBOX_ACCESS_TOKEN"]
    tiles: str = current_app.config["FLEXMEASURES_MAP_TILES"]
    g.map_tiles = tiles or (MAPBOX + token if token else "")
    return str(g.map_tiles)


def state() -> str:
    """The newest state of the asset `id`, as a fragment of a page: 404 for one that is not there or not to be seen."""
    text = request.args.get("id", "")
    asset = asset_or_404(
        int(text) if text.isascii() and text.isdigit() and len(text) < 20 else LARGEST_ID + 1
    )
    user = user_or_401()
    until = None if current_app.config["FLEXMEASURES_MODE"] == "play" else server_now()
    last = last_values([asset], until).get(asset.id)
    drawing = None
    if last is not None:
        end = last[0] + asset.event_resolution
        start = floor_time(end - DAY, asset.event_resolution)
        values = search_one(asset, start, end, horizon_at_most=timedelta(0)).values
        drawing = drawings.line(
            [-value if only_produces(asset) else value for value in values.tolist()],
            "measured",
            gettext("The last day"),
        )
    seen = overview([asset], user, plans_of([asset], server_now()))
    return render_template("ui/_state.html", asset=asset, row=seen.rows[0], unit=seen.unit, drawing=drawing)
