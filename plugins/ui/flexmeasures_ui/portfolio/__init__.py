"""/portfolio: what the assets used, made and cost, and what their schedules did to that (documentation, chapter 10).

It is a plugin of its own, so that it can be replaced or left out.
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
    """The page, its charts, and its sums as CSV and JSON."""
    from flexmeasures_ui.portfolio.views import make_blueprint

    return [make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For those who have, or watch over, a portfolio."""
    from flexmeasures_translation import marked
    from flexmeasures_ui.menu import entry_for

    return entry_for(
        user, ROLES, "portfolio", marked("Portfolio overview"), "ui_portfolio.portfolio", "pie-chart"
    )
