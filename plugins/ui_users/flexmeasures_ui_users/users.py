"""/users: who there is, what each may and has; an admin activates, deactivates and resets passwords (contract 25.8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from flexmeasures import auth, timing
from flexmeasures.auth import current_user, roles_required
from flexmeasures.db import db, writing
from flexmeasures.errors import FlexMeasuresError
from flexmeasures.models import Asset, User
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.list_files import asked_file
from flexmeasures_charts.reader import readers_zone
from flexmeasures_translation import gettext

LARGEST_ID = 2**31 - 1
COLUMNS = ("id", "username", "email", "roles", "assets", "active", "last_login")


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app, since plugins can be loaded by several apps in a process)."""
    from flexmeasures_ui_users import user_forms

    blueprint = Blueprint("ui_users", __name__, template_folder="templates")
    views: tuple[tuple[str, str, Callable[..., Any], list[str]], ...] = (
        ("/users", "users", users, ["GET"]),
        ("/users/new", "new", user_forms.new, ["GET"]),
        ("/users/new", "create", user_forms.create, ["POST"]),
        ("/users/<int:user_id>", "user", user, ["GET"]),
        ("/users/<int:user_id>/edit", "edit", user_forms.edit, ["GET"]),
        ("/users/<int:user_id>/edit", "update", user_forms.update, ["POST"]),
        ("/users/toggle_active/<int:user_id>", "toggle_active", toggle_active, ["POST"]),
        ("/users/reset_password_for/<int:user_id>", "reset_password_for", reset_password_for, ["POST"]),
    )
    for rule, name, view, methods in views:
        guarded = roles_required("admin")(view)
        blueprint.add_url_rule(rule, name, guarded, methods=methods, strict_slashes=False)
    return blueprint


def users() -> str | Response:
    """All active users; with `include_inactive=on` the others as well; the list also as CSV and JSON."""
    with_inactive = request.args.get("include_inactive") == "on"
    query = select(User).order_by(func.lower(User.username))
    if not with_inactive:
        query = query.where(User.active)
    counts = select(Asset.owner_id, func.count()).group_by(Asset.owner_id)
    assets = {owner: int(count) for owner, count in db.session.execute(counts)}
    rows = [
        {"user": found, "assets": assets.get(found.id, 0), "seen": seen(found.last_login_at)}
        for found in db.session.scalars(query)
    ]
    file = asked_file("users", COLUMNS, lambda: map(_fields, rows))
    if file is not None:
        return file
    return render_flexmeasures_template(
        "ui_users/users.html", active_page="users", rows=rows, with_inactive=with_inactive
    )


def _fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """A user as files have it."""
    found: User = row["user"]
    last = found.last_login_at
    values = (
        found.id,
        found.username,
        found.email,
        ", ".join(sorted(found.role_names)),
        row["assets"],
        found.active,
        None if last is None else timing.iso_time(last),
    )
    return dict(zip(COLUMNS, values, strict=True))


def user(user_id: int) -> str:
    """One user, with the assets that are theirs."""
    found = user_or_404(user_id)
    query = select(Asset).where(Asset.owner_id == found.id).order_by(Asset.display_name)
    return render_flexmeasures_template(
        "ui_users/user.html",
        active_page="users",
        user_shown=found,
        seen=seen(found.last_login_at),
        assets=list(db.session.scalars(query)),
        is_oneself=_is_oneself(found),
    )


def toggle_active(user_id: int) -> Response:
    """Let a user in again, or no longer; nobody does this to themself."""
    if _is_oneself(user_or_404(user_id)):
        flash(gettext("You cannot deactivate yourself."))
        return redirect(url_for("ui_users.user", user_id=user_id))
    with writing() as session:
        found = session.get_one(User, user_id)
        auth.update_user(found, {"active": not found.active})
        told = (
            gettext("%(name)s is active.", name=found.username)
            if found.active
            else gettext("%(name)s is no longer active.", name=found.username)
        )
        flash(told)
    return redirect(url_for("ui_users.user", user_id=user_id))


def reset_password_for(user_id: int) -> Response:
    """Give a user a random password and mail them a link to set a new one."""
    found = user_or_404(user_id)
    name = found.username
    try:
        auth.reset_password(found)
    except FlexMeasuresError as error:
        flash(gettext("Nothing was changed: %(reason)s", reason=error))
    else:
        flash(gettext("%(name)s is logged out and was mailed a link to set a new password.", name=name))
    return redirect(url_for("ui_users.user", user_id=user_id))


def seen(moment: datetime | None) -> str:
    """When somebody logged in last, in words; "never" for never."""
    if moment is None:
        return gettext("never")
    zone = readers_zone()
    days = (timing.server_now() - moment).days
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" + (
        ", " + gettext("%(count)s days ago", count=days) if days > 1 else ""
    )


def _is_oneself(other: User) -> bool:
    me = current_user()
    return me is not None and me.id == other.id


def user_or_404(user_id: int) -> User:
    """The user of that id."""
    found = db.session.get(User, user_id) if user_id <= LARGEST_ID else None
    if found is None:
        abort(404)
    return found
