"""The list of sites, and the forms of new ones, changed ones, and those to be deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug import Response

from flexmeasures import sensors
from flexmeasures.auth import login_required, roles_required
from flexmeasures.db import db, writing
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.models import Asset, Site, User
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.list_files import asked_file
from flexmeasures_scheduling import ATTRIBUTE, change_site, create_site
from flexmeasures_translation import gettext, marked
from flexmeasures_ui.access import LARGEST_ID, user_or_401, visible_assets
from flexmeasures_ui.headers import set_headers
from flexmeasures_ui.quantities import quantity

LIMITS = {
    "consumption_limit_in_mw": marked("Most to consume, MW"),
    "production_limit_in_mw": marked("Most to produce, MW"),
}
GROUPS = ("assets", "others")
COLUMNS = ("id", "name", "assets", "others", *LIMITS)
Page = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Row:
    """A site as the page tells it: its assets that are planned together, its others, its limits in MW."""

    site: Site
    flexible: Sequence[Asset]
    others: Sequence[Asset]
    limits: Sequence[float]
    asked: Mapping[str, Any]


@dataclass(frozen=True)
class Typed:
    """What stands in the form: texts by field, ids of assets by group."""

    texts: Mapping[str, str]
    chosen: Mapping[str, Sequence[str]]


EMPTY = Typed({}, dict.fromkeys(GROUPS, ()))


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("ui_sites", __name__)
    admin = roles_required("admin")
    blueprint.add_url_rule("/sites", "sites", login_required(sites), strict_slashes=False)
    for rule, name, view, method in (
        ("/sites", "create", create, "POST"),
        ("/sites/<int:site_id>/edit", "edit", edit, "GET"),
        ("/sites/<int:site_id>/edit", "update", update, "POST"),
        ("/sites/<int:site_id>/delete", "ask_delete", ask_delete, "GET"),
        ("/sites/<int:site_id>/delete", "delete", delete, "POST"),
    ):
        blueprint.add_url_rule(rule, name, admin(view), methods=[method], strict_slashes=False)
    blueprint.after_request(set_headers)
    return blueprint


def visible_sites(user: User) -> list[Site]:
    """The user's own sites, all for an admin, by name."""
    query = select(Site).order_by(Site.name)
    if not user.is_admin:
        query = query.where(Site.owner_id == user.id)
    return list(db.session.scalars(query))


def sites() -> str | Response:
    """The sites of the user, and for admins the form of a new one; the list also as CSV and JSON."""
    return asked_file("sites", COLUMNS, lambda: map(_fields, _rows())) or _page(EMPTY)


def _rows() -> list[Row]:
    user = user_or_401()
    by_id = {asset.id: asset for asset in visible_assets(user)}
    return [_row(site, by_id) for site in visible_sites(user)]


def _fields(row: Row) -> dict[str, Any]:
    """A site as files have it; assets by name."""
    groups = (", ".join(asset.name for asset in group) for group in (row.flexible, row.others))
    return dict(zip(COLUMNS, (row.site.id, row.site.name, *groups, *row.limits), strict=True))


def create() -> Page:
    """Make a site; what is wrong is told, and what was typed is kept."""
    try:
        with writing():
            groups, limits = _read()
            owner = groups["assets"][0].owner if groups["assets"] else None
            if owner is None:
                raise InputError(gettext("A site needs a flexible asset that somebody owns."), "assets")
            create_site(_name(), owner, groups["assets"], inflexible=groups["others"], **limits)
    except FlexMeasuresError as error:
        return _page(_typed(), errors=_at_field(error)), 422
    flash(
        gettext(
            "%(name)s was added; its assets are planned together when a site's schedule is asked for.",
            name=_name(),
        )
    )
    return redirect(url_for("ui_sites.sites"), code=303)


def edit(site_id: int) -> str:
    """The form of a site that is there."""
    site = _site_or_404(site_id)
    told = site.attributes or {}
    ids = {
        group: [str(number) for number in told.get(key, ())]
        for group, key in (("assets", "assets"), ("others", "inflexible"))
    }
    texts = {"name": site.name} | {key: f"{float(told.get(key, 0.0)):.10g}" for key in LIMITS}
    return _page(Typed(texts, ids), site=site)


def update(site_id: int) -> Page:
    """Change the site."""
    site = _site_or_404(site_id)
    try:
        with writing() as session:
            groups, limits = _read()
            found = session.get_one(Site, site.id)
            change_site(found, _name(), groups["assets"], inflexible=groups["others"], **limits)
    except FlexMeasuresError as error:
        return _page(_typed(), site=_site_or_404(site_id), errors=_at_field(error)), 422
    flash(gettext("%(name)s was changed.", name=_name()))
    return redirect(url_for("ui_sites.sites"), code=303)


def ask_delete(site_id: int) -> str:
    """What would go with the site."""
    return render_flexmeasures_template(
        "ui/site_delete.html", active_page="sites", site=_site_or_404(site_id)
    )


def delete(site_id: int) -> Response:
    """Delete the site; its assets stay."""
    site = _site_or_404(site_id)
    name = site.name
    with writing() as session:
        sensors.delete_sensor(session.get_one(Site, site.id))
    flash(gettext("The site %(name)s was deleted; its assets are still there.", name=name))
    return redirect(url_for("ui_sites.sites"), code=303)


def _site_or_404(site_id: int) -> Site:
    site = db.session.get(Site, site_id) if site_id <= LARGEST_ID else None
    if site is None:
        abort(404)
    return site


def _name() -> str:
    return request.form.get("name", "").strip()


def _read() -> tuple[dict[str, list[Asset]], dict[str, Any]]:
    """The chosen assets by group, and the limits; InputError for what is no number."""
    groups = {}
    for group in GROUPS:
        ids = [
            int(each) for each in request.form.getlist(group) if each.isdecimal() and int(each) <= LARGEST_ID
        ]
        groups[group] = [each for number in ids if (each := db.session.get(Asset, number)) is not None]
    return groups, {key: _number(key, title) for key, title in LIMITS.items()}


def _at_field(error: FlexMeasuresError) -> dict[str, str]:
    """The error by the name of the field that it is about, "" for none of them."""
    field = getattr(error, "field", None)
    return {field if field in ("name", *GROUPS, *LIMITS) else "": str(error)}


def _number(key: str, title: str) -> float:
    text = request.form.get(key, "")
    try:
        return quantity(text, "MW")
    except ValueError:
        said = gettext("%(title)s: %(text)s is not a number.", title=gettext(title), text=repr(text))
        raise InputError(said, key) from None


def _typed() -> Typed:
    return Typed(request.form, {group: request.form.getlist(group) for group in GROUPS})


def _page(typed: Typed, *, site: Site | None = None, errors: Mapping[str, str] | None = None) -> str:
    """The list of sites with the form of a new one, or the form of one that is there."""
    user = user_or_401()
    assets = visible_assets(user) if user.is_admin else []
    if site is not None:
        assets = [asset for asset in assets if asset.owner_id == site.owner_id]
    return render_flexmeasures_template(
        "ui/site_form.html" if site is not None else "ui/sites.html",
        active_page="sites",
        rows=_rows() if site is None else [],
        site=site,
        assets=assets,
        limits=LIMITS,
        typed=typed.texts,
        chosen=typed.chosen,
        errors=errors or {},
    )


def _row(site: Site, assets: Mapping[int, Asset]) -> Row:
    told = site.attributes or {}
    flexible, others = (
        [assets[number] for number in told.get(key, ()) if number in assets]
        for key in ("assets", "inflexible")
    )
    limits = [float(told.get(key, 0.0)) for key in LIMITS]
    return Row(site, flexible, others, limits, told.get(ATTRIBUTE) or {})
