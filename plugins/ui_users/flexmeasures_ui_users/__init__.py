"""Pages of users, for admins, and of one's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.models import User


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """/users and /account."""
    from flexmeasures_translation import install
    from flexmeasures_ui_users import account, users

    install(app)
    return [users.make_blueprint(), account.make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """Users, for admins; the account is reached by one's name at the top of each page."""
    from flask import url_for

    from flexmeasures_translation import marked

    if not user.is_admin:
        return []
    return [MenuItem(name="users", title=marked("Users"), url=url_for("ui_users.users"), icon="people")]
