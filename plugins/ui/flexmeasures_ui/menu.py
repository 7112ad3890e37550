"""The menu: what FLEXMEASURES_LISTED_VIEWS lists, and what plugins bring."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app, url_for
from markupsafe import Markup

from flexmeasures.auth import current_user
from flexmeasures.hookspecs import MenuItem
from flexmeasures.ui.utils.view_utils import menu_items
from flexmeasures_translation import gettext
from flexmeasures_ui.icons import icon

if TYPE_CHECKING:
    from flexmeasures.models import User

# Views of the documentation. A listed one that no plugin brings yet is left out, as its page would not exist;
# one that plugins bring but that is not listed is left out, as the operator wishes.
KNOWN = frozenset(
    {"accuracy", "dashboard", "analytics", "portfolio", "assets", "users", "control", "upload", "tasks"}
)
# Brought for those whose work it is, so it need not be listed; a listed one is shown to them only as well.
NEED_NOT_BE_LISTED = frozenset({"tasks"})


@dataclass(frozen=True)
class Entry:
    """One entry of the menu, ready to be shown."""

    name: str
    title: str
    url: str
    icon: Markup


def menu() -> list[Entry]:
    """Entries for the user of this request, none for visitors.

    First the listed views in their order (a name that nobody brings gets a capitalised title and leads to the
    path of that name), then what plugins bring besides.
    """
    if current_user() is None:
        return []
    brought = menu_items()
    by_name = {item.name: item for item in reversed(brought)}
    listed = list(dict.fromkeys(str(name) for name in current_app.config["FLEXMEASURES_LISTED_VIEWS"]))
    items = [by_name.get(name) or _guessed(name) for name in listed if name in by_name or name not in KNOWN]
    optional = KNOWN - NEED_NOT_BE_LISTED
    items += [item for name, item in by_name.items() if name not in listed and name not in optional]
    return [Entry(item.name, gettext(item.title), item.url, _icon(item.icon)) for item in items]


def entry_for(
    user: User, roles: Collection[str], name: str, title: str, view: str, icon_name: str
) -> list[MenuItem]:
    """The entry of a page that admins see, and those of these roles; [] for others."""
    if not user.is_admin and not user.role_names & set(roles):
        return []
    return [MenuItem(name=name, title=title, url=url_for(view), icon=icon_name)]


def api_page() -> str | None:
    """Where the newest version of the API is described for people, None where no version has such a page."""
    pages = [
        name for name in current_app.view_functions if name.startswith("api_") and name.endswith(".docs")
    ]
    return url_for(max(pages)) if pages else None


def account_page() -> str | None:
    """The page of one's own account, None where no plugin brings one."""
    return url_for("ui_account.account") if "ui_account.account" in current_app.view_functions else None


def _guessed(name: str) -> MenuItem:
    title = name.replace("_", " ").replace("-", " ").capitalize()
    return MenuItem(name=name, title=title, url=f"/{name}")


def _icon(name: str) -> Markup:
    """The icon; none at all for a name that does not exist, since a menu is worth more than its icons."""
    try:
        return icon(name)
    except LookupError:
        return Markup("")
