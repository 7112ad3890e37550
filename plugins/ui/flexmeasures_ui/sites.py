"""/sites: assets behind one grid connection, with its limits; admins make new ones.

It is a plugin of its own, so that it can be replaced or left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem
from flexmeasures_translation import gettext, marked, with_point

if TYPE_CHECKING:
    from flask import Blueprint, Flask
    from werkzeug import Response

    from flexmeasures.models import Asset, Site, User

LIMITS = {
    "consumption_limit_in_mw": marked("Most to consume, MW"),
    "production_limit_in_mw": marked("Most to produce, MW"),
}


@dataclass(frozen=True)
class Row:
    """A site as the page tells it: its assets that are planned together, its others, its limits in MW."""

    site: Site
    flexible: Sequence[Asset]
    others: Sequence[Asset]
    limits: Sequence[float]
    asked: Mapping[str, Any]


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page and its form."""
    from flask import Blueprint

    from flexmeasures.auth import login_required, roles_required
    from flexmeasures_ui.headers import set_headers

    blueprint = Blueprint("ui_sites", __name__)
    blueprint.add_url_rule("/sites", "sites", login_required(sites), strict_slashes=False)
    create_by_admin = roles_required("admin")(create)
    blueprint.add_url_rule("/sites", "create", create_by_admin, methods=["POST"], strict_slashes=False)
    blueprint.after_request(set_headers)
    return [blueprint]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For admins, and those who own a site."""
    from flask import url_for

    if not user.is_admin and not visible_sites(user):
        return []
    return [MenuItem(name="sites", title=marked("Sites"), url=url_for("ui_sites.sites"), icon="diagram-3")]


def visible_sites(user: User) -> list[Site]:
    """The user's own sites, all for an admin, by name."""
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Site

    query = select(Site).order_by(Site.name)
    if not user.is_admin:
        query = query.where(Site.owner_id == user.id)
    return list(db.session.scalars(query))


def sites() -> str:
    """The sites of the user, and for admins the form of a new one."""
    return _page({}, {"assets": (), "others": ()})


def create() -> Response | tuple[str, int]:
    """Make a site; what is wrong is told, and what was typed is kept."""
    from flask import flash, redirect, request, url_for

    from flexmeasures.db import writing
    from flexmeasures.errors import FlexMeasuresError
    from flexmeasures.models import Asset
    from flexmeasures_scheduling import create_site

    form = request.form
    try:
        chosen = {
            key: [int(each) for each in form.getlist(key) if each.isdecimal()] for key in ("assets", "others")
        }
        limits: dict[str, Any] = {key: _number(form.get(key, ""), title) for key, title in LIMITS.items()}
        with writing() as session:
            found = {
                key: [each for k in ids if (each := session.get(Asset, k))] for key, ids in chosen.items()
            }
            owner = found["assets"][0].owner if found["assets"] else None
            if owner is None:
                raise _wrong(gettext("A site needs a flexible asset that somebody owns."), "assets")
            create_site(
                form.get("name", "").strip(), owner, found["assets"], inflexible=found["others"], **limits
            )
    except FlexMeasuresError as error:
        return _page(form, {key: form.getlist(key) for key in ("assets", "others")}, str(error)), 422
    flash(
        gettext(
            "%(name)s was added; its assets are planned together when a site's schedule is asked for.",
            name=form["name"].strip(),
        )
    )
    return redirect(url_for("ui_sites.sites"), code=303)


def _page(typed: Mapping[str, str], chosen: Mapping[str, Sequence[str]], error: str = "") -> str:
    from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
    from flexmeasures_ui.access import user_or_401, visible_assets

    user = user_or_401()
    assets = visible_assets(user)
    by_id = {asset.id: asset for asset in assets}
    return render_flexmeasures_template(
        "ui/sites.html",
        active_page="sites",
        rows=[_row(site, by_id) for site in visible_sites(user)],
        assets=assets if user.is_admin else [],
        limits=LIMITS,
        typed=typed,
        chosen=chosen,
        error=error,
    )


def _row(site: Site, assets: Mapping[int, Asset]) -> Row:
    from flexmeasures_scheduling import ATTRIBUTE

    told = site.attributes or {}
    flexible, others = (
        [assets[k] for k in told.get(key, ()) if k in assets] for key in ("assets", "inflexible")
    )
    limits = [float(told.get(key, 0.0)) for key in LIMITS]
    return Row(site, flexible, others, limits, told.get(ATTRIBUTE) or {})


def _number(text: str, title: str) -> float:
    try:
        return float(with_point(text))
    except ValueError:
        raise _wrong(
            gettext("%(title)s: %(text)s is not a number.", title=gettext(title), text=repr(text)), title
        ) from None


def _wrong(text: str, field: str) -> Exception:
    from flexmeasures.errors import InputError

    return InputError(text, field)
