"""/control: what the schedules let each asset do in the next day, action by action (contract 25.1, 25.8).

It is a plugin of its own, so that it can be replaced or left out; it is in the menu where it is listed there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.models import User

ROLES = ("Prosumer",)  # and admin


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page, and the same as CSV and JSON."""
    from flexmeasures_ui.control.views import make_blueprint

    return [make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For those who have, or watch over, assets."""
    from flexmeasures_translation import marked
    from flexmeasures_ui.menu import entry_for

    return entry_for(user, ROLES, "control", marked("Flexibility actions"), "ui_control.control", "sliders")
