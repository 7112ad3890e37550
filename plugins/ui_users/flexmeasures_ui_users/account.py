"""/account: one's own data, the time zone of the pages, and a token for the API, which is shown once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from flask import Blueprint, current_app, flash, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import func, select
from werkzeug import Response

from flexmeasures.auth import current_user, login_required, new_token, update_user
from flexmeasures.db import db, writing
from flexmeasures.models import Asset
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.reader import PLATFORMS, readers_zone
from flexmeasures_translation import gettext
from flexmeasures_ui_users.users import seen


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("ui_account", __name__, template_folder="templates")
    blueprint.add_url_rule("/account", "account", login_required(account), strict_slashes=False)
    blueprint.add_url_rule("/account/token", "token", login_required(token), methods=["POST"])
    blueprint.add_url_rule("/account/timezone", "timezone", login_required(timezone), methods=["POST"])
    return blueprint


def account() -> str:
    """One's own data."""
    return _page()


def token() -> str:
    """The same with a new token; only the answer to this post holds it."""
    user = current_user()
    return _page(token=None if user is None else new_token(user))


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
        header=current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"],
        **more,
    )


def _valid_for(age: int | timedelta) -> str:
    """In words; the setting is a number of seconds, of which Flask-Security makes a duration."""
    length = age if isinstance(age, timedelta) else timedelta(seconds=age)
    hours, rest = divmod(length, timedelta(hours=1))
    if hours > 1 and not rest:
        return gettext("%(count)s hours", count=hours)
    return gettext("%(count)s minutes", count=f"{length / timedelta(minutes=1):g}")
