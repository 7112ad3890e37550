"""/assets: the user's assets, searched, sorted and divided into pages on the server; the same as CSV and JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, current_app, request
from sqlalchemy import ColumnElement, Select, func, or_, select

from flexmeasures.db import db
from flexmeasures.models import Asset, SensorType, User
from flexmeasures.timing import server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures.utils.entity_address_utils import build_connection
from flexmeasures_charts.list_files import asked_file
from flexmeasures_ui.access import user_or_401
from flexmeasures_ui.dashboard.asset_summary import overview
from flexmeasures_ui.dashboard.plans import plans_of

PER_PAGE = 25
SORTS: dict[str, Any] = {
    "name": Asset.display_name,
    "type": SensorType.display_name,
    "capacity": Asset.capacity_in_mw,
    "resolution": Asset.event_resolution,
    "owner": User.username,
    "id": Asset.id,
}
COLUMNS = (
    "id",
    "name",
    "display_name",
    "type",
    "latitude",
    "longitude",
    "capacity_in_mw",
    "event_resolution_in_minutes",
    "owner_id",
    "owner",
    "entity_address",
)


@dataclass(frozen=True)
class Asked:
    """What the query string asks for. text: to be found in a name, a type, an owner or as the id."""

    text: str
    sort: str
    descending: bool
    page: int

    def query(self, **changes: Any) -> dict[str, Any]:
        """The query string, changed."""
        return {
            "q": self.text,
            "sort": self.sort,
            "order": "desc" if self.descending else "asc",
            "page": self.page,
        } | changes


def assets() -> str | Response:
    """A page of the list; with `format=csv` or `format=json` all that is found."""
    user = user_or_401()
    asked = _asked()
    found = _found(user, asked)
    file = asked_file("assets", COLUMNS, lambda: (_fields(asset) for asset in db.session.scalars(found)))
    if file is not None:
        return file
    count = db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery())) or 0
    pages = max(1, -(-count // PER_PAGE))
    page = min(asked.page, pages)
    shown = list(db.session.scalars(found.limit(PER_PAGE).offset((page - 1) * PER_PAGE)))
    return render_flexmeasures_template(
        "ui/assets.html",
        active_page="assets",
        asked=asked,
        count=count,
        page=page,
        pages=pages,
        sorts=tuple(SORTS),
        overview=overview(shown, user, plans_of(shown, server_now()) if shown else {}),
        addresses={asset.id: _address(asset) for asset in shown},
    )


def _asked() -> Asked:
    defaults = {"sort": "name", "order": "asc", "page": "1"}
    sort, order, page = (request.args.get(name, default) for name, default in defaults.items())
    if sort not in SORTS or order not in ("asc", "desc") or not re.fullmatch(r"[0-9]{1,6}", page):
        accepted = f"sort: {', '.join(SORTS)}; order: asc, desc; page: a number from 1 on"
        abort(400, description=f"The list cannot be shown so. Accepted: {accepted}.")
    return Asked(request.args.get("q", "").strip()[:100], sort, order == "desc", max(1, int(page)))


def _found(user: User, asked: Asked) -> Select[Asset]:
    """The query of the user's assets that match, in the order that is asked for."""
    types, owners = Asset.type_id == SensorType.id, Asset.owner_id == User.id
    query = select(Asset).outerjoin(SensorType, types).outerjoin(User, owners)
    if not user.is_admin:
        query = query.where(Asset.owner_id == user.id)
    if asked.text:
        query = query.where(_matches(asked.text))
    column = SORTS[asked.sort]
    return query.order_by(column.desc() if asked.descending else column.asc(), Asset.id)


def _matches(text: str) -> ColumnElement[bool]:
    columns = (Asset.name, Asset.display_name, SensorType.display_name, SensorType.name, User.username)
    matches: list[ColumnElement[bool]] = [column.icontains(text, autoescape=True) for column in columns]
    if text.isascii() and text.isdigit() and len(text) < 10:
        matches.append(Asset.id == int(text))
    return or_(*matches)


def _fields(asset: Asset) -> dict[str, Any]:
    values = {
        "id": asset.id,
        "name": asset.name,
        "display_name": asset.display_name,
        "type": asset.type_name,
        "event_resolution_in_minutes": asset.event_resolution.total_seconds() / 60,
        "owner": asset.owner.username if asset.owner is not None else None,
        "entity_address": _address(asset),
    }
    return {name: values.get(name, getattr(asset, name, None)) for name in COLUMNS}


def _address(asset: Asset) -> str:
    """The entity address of an asset, on the host of the request."""
    starts = current_app.config["FLEXMEASURES_HOSTS_AND_AUTH_START"]
    return build_connection(request.host, asset.owner_id, asset.id, starts, server_now())
