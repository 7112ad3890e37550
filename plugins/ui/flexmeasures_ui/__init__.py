"""The pages: theme, menu, dashboard, assets with their power charts, tasks, errors in the site's layout.

Pages read beliefs and models themselves and ask no API. Charts are drawn by the hook draw_power_chart.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from flexmeasures import hookimpl
from flexmeasures.doors import door
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask

    from flexmeasures.config import Setting
    from flexmeasures.models import User
    from flexmeasures_master_data.asset_fields import AssetField
    from flexmeasures_ui.hookspecs import Panel as Panel

__all__, __getattr__ = door(__name__, {"hookspecs": ("Panel",)})


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who adds panels to pages."""
    from flexmeasures_ui import hookspecs

    return [hookspecs]


@hookimpl
def register_settings() -> list[Setting]:
    """How pages look."""
    from flexmeasures_ui.settings import SETTINGS

    return SETTINGS


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The pages and the files that they need."""
    from flexmeasures_translation import install
    from flexmeasures_ui import brand, jobs, pages

    install(app)
    brand.check(app)
    return [pages.make_blueprint(), jobs.make_blueprint()]


@hookimpl
def register_asset_fields() -> list[AssetField]:
    """The limits that the dashboard watches."""
    from flexmeasures_ui.dashboard.rules import rules_field

    return [rules_field()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """Dashboard and assets, and tasks for those who may look at them."""
    from flask import url_for

    from flexmeasures_translation import marked
    from flexmeasures_ui.jobs import may_look

    items = [
        MenuItem(
            name="dashboard", title=marked("Dashboard"), url=url_for("ui.dashboard"), icon="speedometer2"
        ),
        MenuItem(name="assets", title=marked("Assets"), url=url_for("ui.assets"), icon="plug"),
    ]
    if may_look(user):
        items.append(
            MenuItem(name="tasks", title=marked("Tasks"), url=url_for("ui_tasks.tasks"), icon="list-task")
        )
    return items


@hookimpl
def home(user: User) -> Any:
    """The dashboard is the first page."""
    from flexmeasures_ui.dashboard.views import dashboard_page

    return dashboard_page(user)


@hookimpl
def render_error(error: Any) -> Any:
    """Errors in the site's layout, or as JSON when the request was JSON."""
    from flexmeasures_ui.errors import error_page

    return error_page(error)
