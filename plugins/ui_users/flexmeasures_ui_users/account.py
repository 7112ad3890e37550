"""/account: one's own data, the time zone of the pages, and tokens for the API, which are shown once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, abort, current_app, flash, g, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import func, select
from werkzeug import Response

import flexmeasures_machine_tokens as machine_tokens
from flexmeasures.auth import current_user, login_required, new_token, update_user
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError, NotFound
from flexmeasures.models import Asset
from flexmeasures.runtime import runtime
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.reader import PLATFORMS, readers_zone
from flexmeasures_translation import gettext, short_day
from flexmeasures_ui_users.users import seen

VALID_FOR = {"30": timedelta(days=30), "365": timedelta(days=365), "": None}
USUAL = "365"


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("ui_account", __name__, template_folder="templates")
    blueprint.add_url_rule("/account", "account", login_required(account), strict_slashes=False)
    blueprint.add_url_rule("/account/token", "token", login_required(token), methods=["POST"])
    for rule, name, view in (
        ("/account/machine-tokens", "add_machine_token", add_machine_token),
        ("/account/machine-tokens/<int:token_id>/revoke", "revoke_machine_token", revoke_machine_token),
    ):
        blueprint.add_url_rule(rule, name, login_required(view), methods=["POST"])
    blueprint.add_url_rule("/account/timezone", "timezone", login_required(timezone), methods=["POST"])
    return blueprint


def account() -> str:
    """One's own data."""
    return _page()


def token() -> str:
    """The same with a new token; only the answer to this post holds it."""
    _only_in_person()
    user = current_user()
    return _page(token=None if user is None else new_token(user))


def add_machine_token() -> str | tuple[str, int]:
    """Make a machine token; only the answer to this post holds it."""
    _only_in_person()
    user, name = current_user(), request.form.get("name", "").strip()
    _only_with_machine_tokens()
    asked = request.form.get("valid_for", USUAL)
    try:
        if asked not in VALID_FOR:
            raise InputError(gettext("No time is chosen."), "valid_for", ", ".join(VALID_FOR))
        made = "" if user is None else machine_tokens.add_token(user, name, VALID_FOR[asked])
    except InputError as refused:
        return _page(token_name=name, token_error=str(refused)), 422
    return _page(machine_token=made, token_name=name)


def revoke_machine_token(token_id: int) -> Response:
    """Make one of the user's machine tokens invalid."""
    user = current_user()
    _only_with_machine_tokens()
    try:
        name = "" if user is None else machine_tokens.revoke_token(user, token_id)
    except NotFound:
        abort(404)
    flash(gettext("Programs can no longer use the token %(name)s.", name=name))
    return redirect(url_for("ui_account.account"), code=303)


def _only_in_person() -> None:
    """No token makes further ones: who got hold of one would keep access when it is revoked."""
    if g.get("flexmeasures_authenticated_by") == "token" or machine_tokens.sent_token(request):
        abort(403)


def _only_with_machine_tokens() -> None:
    if not _has_machine_tokens():
        abort(404)


def _has_machine_tokens() -> bool:
    """Whether their plugin is there and well."""
    return any(plugin.name == machine_tokens.NAME for plugin in runtime().plugins.active)


def timezone() -> Response | tuple[str, int]:
    """Choose the time zone in which pages tell times."""
    user = current_user()
    asked = request.form.get("timezone", "").strip()
    try:
        if user is not None:
            with writing():
                update_user(user, {"timezone": asked or PLATFORMS})
    except ValidationError as refused:
        return _page(asked=asked, error=" ".join(refused.messages_dict["timezone"])), 400
    flash(gettext("Times are shown in %(zone)s from now on.", zone=readers_zone()))
    return redirect(url_for("ui_account.account"))


def _page(**more: Any) -> str:
    user = current_user()
    assets = select(func.count(Asset.id)).where(Asset.owner_id == (None if user is None else user.id))
    return render_flexmeasures_template(
        "ui_users/account.html",
        active_page="account",
        me=user,
        own_zone="" if user is None or user.timezone == PLATFORMS else user.timezone,
        platforms_zone=current_app.config["FLEXMEASURES_TIMEZONE"],
        zones=sorted(available_timezones()),
        seen=seen(None if user is None else user.last_login_at),
        assets=db.session.scalar(assets),
        valid=_valid_for(current_app.config["SECURITY_TOKEN_MAX_AGE"]),
        machine_tokens=machine_tokens.tokens_of(user) if user is not None and _has_machine_tokens() else None,
        valid_choices=_valid_choices(),
        usual=USUAL,
        now=datetime.now(UTC),
        day=lambda moment: short_day(moment.astimezone(readers_zone()), year=True),
        header=current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"],
        **more,
    )


def _valid_choices() -> list[tuple[str, str]]:
    return [
        (key, gettext("%(count)s days", count=length.days) if length else gettext("until it is revoked"))
        for key, length in VALID_FOR.items()
    ]


def _valid_for(age: int | timedelta) -> str:
    """In words; the setting is a number of seconds, of which Flask-Security makes a duration."""
    length = age if isinstance(age, timedelta) else timedelta(seconds=age)
    hours, rest = divmod(length, timedelta(hours=1))
    if hours > 1 and not rest:
        return gettext("%(count)s hours", count=hours)
    return gettext("%(count)s minutes", count=f"{length / timedelta(minutes=1):g}")
