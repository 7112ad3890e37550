"""/portfolio: energy and costs by type of asset, prices of the markets, and the power of all together (contract 25.7).

It is a plugin of its own, so that it can be replaced or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask, Response

    from flexmeasures.models import Asset, Market, User
    from flexmeasures.timeseries import TimeSeries
    from flexmeasures_ui.time_window import Window

DAY = timedelta(days=1)
ROLES = ("Prosumer",)  # and admin
COLUMNS = ("type", "assets", "production_mwh", "consumption_mwh", "costs", "currency")


@dataclass
class Sum:
    """What the assets of one type did: MWh that are not negative; costs by currency, revenues negative."""

    name: str
    assets: int = 0
    production: float = 0.0
    consumption: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)

    def add(self, other: Sum) -> None:
        """Count another sum in."""
        self.assets += other.assets
        self.production += other.production
        self.consumption += other.consumption
        for currency, amount in other.costs.items():
            self.costs[currency] = self.costs.get(currency, 0.0) + amount


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page, its chart, and the same as CSV."""
    from flask import Blueprint

    from flexmeasures.auth import roles_required
    from flexmeasures_ui.headers import set_headers

    blueprint = Blueprint("ui_portfolio", __name__)
    for rule, name, view in (
        ("/portfolio", "portfolio", portfolio),
        ("/portfolio/chart.json", "chart", chart),
        ("/portfolio/data.csv", "data", data),
    ):
        blueprint.add_url_rule(rule, name, roles_required(*ROLES)(view), strict_slashes=False)
    blueprint.after_request(set_headers)
    return [blueprint]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For those who have, or watch over, a portfolio."""
    from flask import url_for

    if not user.is_admin and not user.role_names & set(ROLES):
        return []
    url = url_for("ui_portfolio.portfolio")
    return [MenuItem(name="portfolio", title="Portfolio overview", url=url, icon="pie-chart")]


def portfolio() -> str:
    """Sums by type, prices of markets, and the chart."""

    from flask import g

    from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
    from flexmeasures_charts import formatting
    from flexmeasures_charts.reader import readers_zone

    assets, window = _assets(), _window()
    sums = sums_by_type(assets, window)
    total = Sum("all")
    for each in sums:
        total.add(each)
    g.draws_chart = True
    zone = readers_zone()
    return render_flexmeasures_template(
        "ui/portfolio.html",
        active_page="portfolio",
        window=window,
        sums=sums,
        total=total,
        prices=mean_prices(assets, window),
        zone_note=formatting.zone_note(zone, window.start, window.end),
    )


def chart() -> Response:
    """The power of all assets together, as JSON for charts.js."""
    import orjson
    from flask import Response, abort

    from flexmeasures.runtime import runtime
    from flexmeasures_ui.time_window import power_chart

    assets = _assets()
    if not assets:
        abort(404)
    wanted = replace(power_chart(assets[0], _window()), assets=tuple(assets), consumption_as_positive=True)
    item = runtime().first("draw_power_chart", chart=wanted)
    if item is None:
        abort(500)
    return Response(orjson.dumps(item), content_type="application/json")


def data() -> Response:
    """The sums as CSV."""
    from flexmeasures_ui.csv_files import csv_response

    rows = (
        (each.name, each.assets, each.production, each.consumption, amount, currency)
        for each in sums_by_type(_assets(), _window())
        for currency, amount in each.costs.items() or [("", "")]
    )
    return csv_response("portfolio", COLUMNS, (dict(zip(COLUMNS, row, strict=True)) for row in rows))


def sums_by_type(assets: Sequence[Asset], window: Window) -> list[Sum]:
    """What was measured, by type, the largest consumers and producers first. Schedules and forecasts do not count."""
    from flexmeasures.beliefs import search

    if not assets:
        return []
    measured = search(
        list(assets),
        window.start,
        window.end,
        horizon_at_most=timedelta(0),
        source_types=("user", "script", "demo script"),
    )
    sums: dict[str, Sum] = {}
    for asset in assets:
        name = asset.type.display_name if asset.type is not None else "without type"
        sums.setdefault(name, Sum(name)).add(_sum(asset, measured[asset.id], window))
    return sorted(sums.values(), key=lambda each: -(each.production + each.consumption))


def _sum(asset: Asset, power: TimeSeries, window: Window) -> Sum:
    """Of one asset: its energy, and what that cost at the prices of its market where these are known."""
    import numpy as np

    energy = np.nan_to_num(power.values) * (power.resolution / timedelta(hours=1))
    costs = {}
    if asset.market is not None and len(energy):
        prices = _prices(asset.market, power)
        if prices is not None:
            currency, per_mwh = prices
            costs[currency] = float(np.nansum(energy * per_mwh))
    return Sum(
        asset.display_name, 1, float(-energy[energy < 0].sum()), float(energy[energy > 0].sum()), costs
    )


def _prices(market: Market, like: TimeSeries) -> tuple[str, Any] | None:
    """Currency, and prices per MWh on the slots of a series; None where resolutions do not fit."""
    from flexmeasures.beliefs import search_one
    from flexmeasures.errors import WrongResolution

    end = like.start + len(like.values) * like.resolution
    try:
        found = search_one(market, like.start, end, resolution=like.resolution)
    except WrongResolution:
        return None
    currency, _, energy = market.unit.partition("/")
    return currency, found.values[: len(like.values)] * (1000.0 if energy == "kWh" else 1.0)


def mean_prices(assets: Sequence[Asset], window: Window) -> list[tuple[str, float, str]]:
    """Name, mean price and unit of each market of the assets of which prices are known in the window."""
    import numpy as np

    from flexmeasures.beliefs import search_one

    found = []
    markets = {asset.market.id: asset.market for asset in assets if asset.market is not None}
    for market in markets.values():
        values = search_one(market, window.start, window.end).values
        if np.isfinite(values).any():
            found.append((market.display_name, float(np.nanmean(values)), market.unit))
    return found


def _assets() -> list[Asset]:
    from flexmeasures.auth import current_user
    from flexmeasures_ui.access import visible_assets

    user = current_user()
    return [] if user is None else list(visible_assets(user))


def _window() -> Window:
    """What the request asks for; by default the day before now and the day after."""
    from flask import abort, request

    from flexmeasures.errors import InputError
    from flexmeasures.timing import floor_time, server_now
    from flexmeasures_charts.reader import readers_zone
    from flexmeasures_ui.time_window import Window, asked_window

    if "start" not in request.args and "end" not in request.args:
        now = floor_time(server_now(), timedelta(minutes=15))
        return Window(now - DAY, now + DAY)
    try:
        return asked_window(None, request.args, readers_zone().key)
    except InputError as error:
        abort(400, description=str(error))
