"""render_flexmeasures_template(): the documented seam for pages of plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import current_app, g, render_template

from flexmeasures.auth import current_user
from flexmeasures.runtime import runtime

if TYPE_CHECKING:
    from flexmeasures.hookspecs import MenuItem
    from flexmeasures.models.users import User


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
    return {
        "platform_name": current_app.config["FLEXMEASURES_PLATFORM_NAME"],
        "user": current_user(),
        "menu": menu_items(),
    }


def menu_items() -> list[MenuItem]:
    """What plugins bring for the menu of this request's user, asked once a request; nothing for visitors."""
    user = current_user()
    if user is None:
        return []
    known: tuple[User, list[MenuItem]] | None = g.get("menu_items")
    if known is None or known[0] is not user:
        known = user, [item for items in runtime().ask("menu_items", user=user) for item in items]
        g.menu_items = known
    return known[1]
