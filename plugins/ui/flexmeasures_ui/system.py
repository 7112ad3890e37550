"""/plugins: which plugins are loaded, which are not and why, and how each part of the system is; for admins.

It is a plugin of its own, so that it can be replaced or left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.hookspecs import MenuItem

if TYPE_CHECKING:
    from flask import Blueprint, Flask, Response

    from flexmeasures.models import User

COLUMNS = ("name", "version", "state", "kind", "origin", "reason")
NOT_WELL = ("broken", "incompatible")


@hookimpl
def register_blueprints(app: Flask) -> list[Blueprint]:
    """The page."""
    from flask import Blueprint

    from flexmeasures.auth import roles_required
    from flexmeasures_ui.headers import set_headers

    blueprint = Blueprint("ui_system", __name__)
    blueprint.add_url_rule("/plugins", "plugins", roles_required("admin")(plugins), strict_slashes=False)
    blueprint.after_request(set_headers)
    return [blueprint]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """For admins."""
    from flexmeasures_translation import marked
    from flexmeasures_ui.menu import entry_for

    return entry_for(user, (), "plugins", marked("System"), "ui_system.plugins", "cpu")


def plugins() -> str | Response:
    """Plugins, those first that are not well (these also as CSV and JSON), and the parts of GET /health."""
    from flexmeasures.health import parts_now
    from flexmeasures.runtime import runtime
    from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
    from flexmeasures_charts.list_files import asked_file

    found = sorted(runtime().plugins.plugins, key=lambda plugin: plugin.state not in NOT_WELL)
    file = asked_file(
        "plugins", COLUMNS, lambda: ({name: getattr(plugin, name) for name in COLUMNS} for plugin in found)
    )
    if file is not None:
        return file
    parts = parts_now()
    return render_flexmeasures_template(
        "ui/plugins.html",
        active_page="plugins",
        plugins=found,
        not_well=NOT_WELL,
        all_well=all(part.ok for part in parts),
        parts=parts,
    )
