"""Forms: assets made, changed and deleted, plans asked for, files uploaded (contract 25.8).

It is a plugin of its own, so that it can be replaced or left out; then pages only show.
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
    """Forms of assets, and the upload."""
    from flexmeasures_ui.editing import assets, upload

    return [assets.make_blueprint(), upload.make_blueprint()]


@hookimpl
def menu_items(user: User) -> list[MenuItem]:
    """The upload, for those who may own assets."""
    from flexmeasures_translation import marked
    from flexmeasures_ui.menu import entry_for

    return entry_for(user, ("Prosumer",), "upload", marked("Upload data"), "ui_upload.upload", "upload")
