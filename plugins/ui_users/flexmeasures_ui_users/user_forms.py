"""Forms of users, for admins: somebody new is given access, somebody's name, address, roles or zone are changed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from flask import abort, current_app, flash, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug import Response

from flexmeasures import auth
from flexmeasures.db import db, writing
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.models import Role, User
from flexmeasures.sources import get_or_create
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.reader import PLATFORMS
from flexmeasures_translation import gettext, marked
from flexmeasures_ui_users.users import user_or_404

# What roles let people do; the others of USEF are for devices and companies that post through the API.
ROLES = {
    "admin": marked("sees and changes everything"),
    "Prosumer": marked("owns assets: sees their data and plans, and changes them"),
    "ESCo": marked("asks for flexibility through the API"),
    "Aggregator": marked("posts through the API"),
    "Supplier": marked("posts through the API"),
    "MDC": marked("posts meter data through the API"),
    "DSO": marked("posts through the API"),
    "anonymous": marked("looks at pages, and is refused by the API"),
}
USUAL = ("Prosumer",)
FIRST_PASSWORD_BYTES = 12
Page = str | Response | tuple[str, int]


def new() -> str:
    """The form of somebody new."""
    return _form({"timezone": current_app.config["FLEXMEASURES_TIMEZONE"]}, USUAL)


def create() -> Page:
    """Make the user, and mail them a link to set their password; where no mail goes out, show a first password once."""
    typed, roles = _typed()
    password = secrets.token_urlsafe(FIRST_PASSWORD_BYTES)
    try:
        with writing():
            zone = typed["timezone"] or PLATFORMS
            made = auth.create_user(typed["username"], typed["email"], password, roles, zone)
            user_id, name = made.id, made.username
    except InputError as error:
        return _form(typed, roles, {error.field or "": str(error)}), 422
    try:
        auth.reset_password(user_or_404(user_id))
    except FlexMeasuresError as error:
        told = {"password": password, "reason": str(error)}
        return render_flexmeasures_template(
            "ui_users/first_password.html", active_page="users", user_shown=user_or_404(user_id), **told
        )
    flash(gettext("%(name)s was added, and was mailed a link to set a password.", name=name))
    return redirect(url_for("ui_users.user", user_id=user_id), code=303)


def edit(user_id: int) -> str:
    """The form of somebody who is there."""
    user = user_or_404(user_id)
    values = {"username": user.username, "email": user.email, "timezone": user.timezone}
    return _form(values, sorted(user.role_names), user=user)


def update(user_id: int) -> Page:
    """Change the user; nobody takes the role of admin from themself."""
    user, (typed, roles) = user_or_404(user_id), _typed()
    me = auth.current_user()
    if me is not None and me.id == user.id and "admin" not in roles:
        told = {"roles": gettext("You cannot take the role of admin from yourself.")}
        return _form(typed, roles, told, user), 422
    try:
        with writing() as session:
            ids = [get_or_create(select(Role).where(Role.name == name), Role, name=name).id for name in roles]
            sent = {**typed, "timezone": typed["timezone"] or PLATFORMS, "flexmeasures_roles": ids}
            auth.update_user(session.get_one(User, user.id), sent)
    except ValidationError as error:
        told = {str(field): " ".join(map(str, texts)) for field, texts in error.messages_dict.items()}
        return _form(typed, roles, told, user_or_404(user_id)), 422
    except InputError as error:
        return _form(typed, roles, {error.field or "": str(error)}, user_or_404(user_id)), 422
    flash(gettext("%(name)s was changed.", name=typed["username"]))
    return redirect(url_for("ui_users.user", user_id=user_id), code=303)


def _typed() -> tuple[dict[str, str], list[str]]:
    """The texts and the roles of the form; 400 for a role that there is not."""
    typed = {name: request.form.get(name, "").strip() for name in ("username", "email", "timezone")}
    roles = request.form.getlist("roles")
    if not set(roles) <= set(_known_roles()):
        abort(400, description=gettext("There is no such role."))
    return typed, roles


def _known_roles() -> dict[str, str]:
    """The roles of this platform and the usual ones, with what they mean, "" where that is not known here."""
    return ROLES | {name: "" for name in db.session.scalars(select(Role.name)) if name not in ROLES}


def _form(
    values: Mapping[str, Any],
    roles: Sequence[str],
    errors: Mapping[str, str] | None = None,
    user: User | None = None,
) -> str:
    return render_flexmeasures_template(
        "ui_users/user_form.html",
        active_page="users",
        user_shown=user,
        values=values,
        chosen=roles,
        roles={name: gettext(meaning) for name, meaning in _known_roles().items()},
        errors=errors or {},
    )
