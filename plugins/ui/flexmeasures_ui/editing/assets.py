"""Forms of assets: new, change, delete with a page that asks; and a plan asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import func, select
from werkzeug.wrappers import Response

import flexmeasures_master_data as master_data
from flexmeasures import sensors
from flexmeasures.auth import login_required, roles_required
from flexmeasures.db import db, writing
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.models import Asset, Market, Role, SensorType, User, belief
from flexmeasures.timing import server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.formatting import whole
from flexmeasures_charts.reader import readers_zone
from flexmeasures_master_data import plausibility
from flexmeasures_scheduling import Target, trigger_schedule
from flexmeasures_translation import gettext
from flexmeasures_ui.access import LARGEST_ID, asset_or_404, user_or_401
from flexmeasures_ui.dashboard.views import map_tiles
from flexmeasures_ui.editing import alert_rules, flexibility, regressors
from flexmeasures_ui.editing.fields import Field, messages, typed
from flexmeasures_ui.pages import asset_page
from flexmeasures_ui.quantities import quantity
from flexmeasures_ui.time_window import moment_of

Page = str | Response | tuple[str, int]


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app, since plugins can be loaded by several apps in a process)."""
    blueprint = Blueprint("ui_asset_forms", __name__)
    admin = roles_required("admin")
    for rule, name, view, method, guard in (
        ("/assets/new", "new", new, "GET", admin),
        ("/assets/create/", "create", create, "POST", admin),
        ("/assets/owned_by/<int:user_id>", "owned_by", owned_by, "GET", admin),
        ("/assets/<int:asset_id>/edit", "edit", edit, "GET", login_required),
        ("/assets/<int:asset_id>/", "update", update, "POST", login_required),
        ("/assets/<int:asset_id>/plan", "plan", plan, "POST", login_required),
        ("/assets/<int:asset_id>/flexibility", "flexibility", flexibility.edit, "GET", login_required),
        (
            "/assets/<int:asset_id>/flexibility",
            "update_flexibility",
            flexibility.update,
            "POST",
            login_required,
        ),
        ("/assets/<int:asset_id>/limits", "alert_rules", alert_rules.edit, "GET", login_required),
        ("/assets/<int:asset_id>/limits", "update_alert_rules", alert_rules.update, "POST", login_required),
        ("/assets/<int:asset_id>/regressors", "regressors", regressors.edit, "GET", login_required),
        ("/assets/<int:asset_id>/regressors", "update_regressors", regressors.update, "POST", login_required),
        ("/assets/delete_with_data/<int:asset_id>/", "ask_delete", ask_delete, "GET", login_required),
        ("/assets/delete_with_data/<int:asset_id>/", "delete", delete, "POST", login_required),
    ):
        blueprint.add_url_rule(rule, name, guard(view), methods=[method], strict_slashes=False)
    from flexmeasures_ui.headers import set_headers

    blueprint.after_request(set_headers)
    return blueprint


def fields_of(user: User) -> tuple[Field, ...]:
    """The fields of the form; the owner may be chosen by admins."""
    types = db.session.execute(
        select(SensorType.name, SensorType.display_name)
        .where(SensorType.kind == "asset")
        .order_by(SensorType.id)
    )
    markets = db.session.execute(select(Market.id, Market.display_name).order_by(Market.display_name))
    owners = db.session.execute(
        select(User.id, User.username).where(User.roles.any(Role.name == "Prosumer")).order_by(User.username)
    )
    found = [
        Field("display_name", gettext("Name"), help=gettext("Four letters or more."), required=True),
        Field(
            "asset_type_name",
            gettext("Type"),
            "select",
            options=tuple((name, gettext(title)) for name, title in types),
            required=True,
        ),
        Field(
            "capacity_in_mw",
            gettext("Capacity, MW"),
            help=gettext("Largest power; also as 11 kW."),
            required=True,
            numeric=float,
            unit="MW",
        ),
        Field(
            "event_resolution",
            gettext("Resolution, minutes"),
            help=gettext("Length of a slot."),
            required=True,
            numeric=int,
        ),
        Field(
            "latitude",
            gettext("Latitude"),
            help=gettext("Degrees north; click on the map."),
            required=True,
            numeric=float,
        ),
        Field("longitude", gettext("Longitude"), help=gettext("Degrees east."), required=True, numeric=float),
        Field("timezone", gettext("Time zone"), help=gettext("Such as Europe/Amsterdam.")),
        Field(
            "min_soc_in_mwh",
            gettext("Least state of charge, MWh"),
            help=gettext("Of what can store; also as 60 kWh."),
            numeric=float,
            unit="MWh",
        ),
        Field(
            "max_soc_in_mwh",
            gettext("Most state of charge, MWh"),
            help=gettext("Of what can store; also as 60 kWh."),
            numeric=float,
            unit="MWh",
        ),
        Field(
            "market_id",
            gettext("Market"),
            "select",
            help=gettext("Whose prices count."),
            options=tuple((str(number), title) for number, title in markets),
            required=True,
            numeric=int,
        ),
    ]
    if user.is_admin:
        choices = tuple((str(number), name) for number, name in owners)
        found.append(
            Field("owner_id", gettext("Owner"), "select", options=choices, required=True, numeric=int)
        )
    return tuple(found)


def new() -> str:
    """The form of a new asset."""
    return _form(
        None, {"event_resolution": "15", "timezone": current_app.config["FLEXMEASURES_TIMEZONE"]}, {}
    )


def create() -> Page:
    """Make the asset; what is wrong is told at the field, and what was typed is kept."""
    fields = fields_of(user_or_401())
    sent = typed(fields, request.form)
    sent |= {"name": sent.get("display_name", ""), "unit": "MW"}
    try:
        with writing():
            made = master_data.create_asset(sent)
            asset_id, name = made.id, made.display_name
    except ValidationError as error:
        return _form(None, request.form, messages(error)), 422
    flash(gettext("%(name)s was added.", name=name))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def edit(asset_id: int) -> str:
    """The form of an asset that is there."""
    asset = asset_or_404(asset_id, "update")
    values = {
        field.name: "" if (value := getattr(asset, field.name, None)) is None else str(value)
        for field in fields_of(user_or_401())
    }
    values["asset_type_name"] = asset.type_name
    values["event_resolution"] = str(asset.event_resolution // timedelta(minutes=1))
    return _form(asset, values, {})


def update(asset_id: int) -> Page:
    """Change the asset."""
    asset = asset_or_404(asset_id, "update")
    fields = fields_of(user_or_401())
    sent = typed(fields, request.form)
    empty = ("min_soc_in_mwh", "max_soc_in_mwh")
    sent |= {name: None for name in empty if name in request.form and name not in sent}
    try:
        with writing() as session:
            master_data.update_asset(session.get_one(Asset, asset.id), sent)
    except ValidationError as error:
        return _form(asset_or_404(asset_id, "update"), request.form, messages(error)), 422
    flash(gettext("The asset was changed."))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def _form(asset: Asset | None, values: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    fields = fields_of(user_or_401())
    known = {field.name for field in fields}
    others = [text for name, text in errors.items() if name not in known and name != "name"]
    at_field = dict(errors) | ({"display_name": errors["name"]} if "name" in errors else {})
    return render_flexmeasures_template(
        "ui/asset_form.html",
        active_page="assets",
        asset=asset,
        fields=fields,
        values=values,
        errors=at_field,
        others=others,
        tiles=map_tiles(),
    )


def owned_by(user_id: int) -> str:
    """The assets of one user."""
    from flexmeasures_ui.dashboard.asset_summary import overview
    from flexmeasures_ui.dashboard.plans import plans_of

    owner = db.session.get(User, user_id) if user_id <= LARGEST_ID else None
    if owner is None:
        abort(404)
    query = select(Asset).where(Asset.owner_id == owner.id).order_by(Asset.display_name, Asset.id)
    assets = list(db.session.scalars(query))
    return render_flexmeasures_template(
        "ui/owned_by.html",
        active_page="assets",
        owner=owner,
        overview=overview(assets, owner, plans_of(assets, server_now())),
    )


def ask_delete(asset_id: int) -> str:
    """What would go with the asset."""
    asset = asset_or_404(asset_id, "delete")
    count = db.session.scalar(select(func.count()).where(belief.c.sensor_id == asset.id))
    return render_flexmeasures_template(
        "ui/asset_delete.html", active_page="assets", asset=asset, count=count
    )


def delete(asset_id: int) -> Response:
    """Delete the asset with its data."""
    asset = asset_or_404(asset_id, "delete")
    name = asset.display_name
    with writing() as session:
        removed = sensors.delete_sensor(session.get_one(Asset, asset.id))
    flash(gettext("%(name)s was deleted, with %(count)s values.", name=name, count=whole(removed)))
    return redirect(url_for("ui.assets"), code=303)


def plan(asset_id: int) -> Page:
    """Note a state of charge now, with a target if one was typed, and ask for a schedule."""
    asset = asset_or_404(asset_id, "update")
    zone = readers_zone()
    try:
        soc = _number("soc", gettext("State of charge"))
        targets = []
        if request.form.get("target") or request.form.get("target_time"):
            value = _number("target", gettext("Target"))
            targets.append(
                Target(
                    datetime=moment_of(request.form.get("target_time", ""), "target_time", zone), value=value
                )
            )
        if targets and targets[0].datetime <= server_now():
            raise InputError(gettext("The target lies in the past."), "target_time", "a later time")
        doubts = plausibility.state(asset, soc, [target.value for target in targets])
        if doubts:
            raise InputError(" ".join(doubts), "soc", "a state that the asset can have, in MWh")
        with writing() as session:
            found = session.get_one(Asset, asset.id)
            event_id = (found.soc_udi_event_id or 0) + 1
            if event_id > LARGEST_ID:
                raise InputError(
                    "The ids of events are used up.", "event", "an event by the API in play mode"
                )
            kind = "soc-with-targets" if targets else "soc"
            trigger_schedule(found, event_id, kind, soc, server_now(), targets)
    except FlexMeasuresError as error:
        told = {getattr(error, "field", None) or "": str(error)}
        return asset_page(asset_or_404(asset_id, "update"), request.form, told), 422
    flash(gettext("A schedule was asked for; it is shown here once it is made."))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def _number(field: str, what: str) -> float:
    text = request.form.get(field, "")
    try:
        value = quantity(text, "MWh")
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e9:
        raise InputError(
            gettext("%(what)s: %(text)s is not a number of MWh.", what=what, text=repr(text)),
            field,
            gettext("a number from 0 on"),
        )
    return value
