"""Icons as inline SVG, taken from the Bootstrap Icons that bootstrap-flask brings."""

from __future__ import annotations

import re
from functools import lru_cache

from markupsafe import Markup

from flexmeasures_ui.static_files import package_folder

SPRITE = "static/bootstrap5/icons/bootstrap-icons.svg"
OF_TYPE = {
    "solar": "sun",
    "wind": "wind",
    "battery": "battery-half",
    "one-way_evse": "ev-station",
    "two-way_evse": "arrow-left-right",
    "building": "building",
    "heat_pump": "thermometer-half",
}


@lru_cache
def icon(name: str) -> Markup:
    """The icon of that name, as large as the text around it and hidden from screen readers; "" for no name."""
    if not name:
        return Markup("")
    sprite = (package_folder("flask_bootstrap") / SPRITE).read_text(encoding="utf-8")
    symbol = re.search(rf'<symbol[^>]* id="{re.escape(name)}">(.*?)</symbol>', sprite)
    if symbol is None:
        raise LookupError(f"Bootstrap Icons have no icon {name!r}.")
    # The content comes from an installed package, not from users.
    return Markup(  # noqa: S704
        '<svg class="icon" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">' + symbol[1] + "</svg>"
    )


def type_icon(type_name: str) -> Markup:
    """The icon of an asset type; a plug for types that are not known here."""
    return icon(OF_TYPE.get(type_name, "plug"))
