"""/sites: assets behind one grid connection, with its limits; admins make, change and delete them.

It is a plugin of its own, so that it can be replaced or left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.models import User


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page and its forms."""
    from flexmeasures_ui.sites.views import make_blueprint

    return [make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For admins, and those who own a site."""
    from flask import url_for

    from flexmeasures_translation import marked
    from flexmeasures_ui.sites.views import visible_sites

    if not user.is_admin and not visible_sites(user):
        return []
    return [MenuItem(name="sites", title=marked("Sites"), url=url_for("ui_sites.sites"), icon="diagram-3")]
