"""render_flexmeasures_template(): the documented seam for pages of plugins."""

from __future__ import annotations

from typing import Any

from flask import current_app, render_template

from flexmeasures.auth import current_user
from flexmeasures.runtime import runtime


def render_flexmeasures_template(html_filename: str, **variables: Any) -> str:
    """Render a template of any plugin with what the site's layout needs (menu, user, platform name).

    Variables given here win over those that plugins add by the hook template_context.
    """
    context: dict[str, Any] = {}
    for more in runtime().ask("template_context", page=html_filename):
        context |= more
    context.setdefault("active_page", html_filename.rsplit("/", 1)[-1].removesuffix(".html"))
    return render_template(html_filename, **(context | variables))


def base_context() -> dict[str, Any]:
    """What the layout shows on every page (a context processor of the app): platform name, user, menu."""
    user = current_user()
    menu = (
        [] if user is None else [item for items in runtime().ask("menu_items", user=user) for item in items]
    )
    return {"platform_name": current_app.config["FLEXMEASURES_PLATFORM_NAME"], "user": user, "menu": menu}
