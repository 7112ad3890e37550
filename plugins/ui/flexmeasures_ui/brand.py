"""The platform's own colour and logo: the settings FLEXMEASURES_ACCENT_COLOUR and FLEXMEASURES_LOGO."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response, abort, current_app, request, url_for

if TYPE_CHECKING:
    from flask import Flask

Colour = tuple[float, float, float]  # red, green, blue, from 0 to 1

WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
DARK_CARD = (0x17 / 255, 0x21 / 255, 0x2B / 255)  # --card of the dark theme in flexmeasures.css
LEGIBLE = 4.5  # contrast of text (WCAG 2.2, 1.4.3)
STEPS = 50
LARGEST_LOGO = 1_000_000  # bytes
LOGO_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
FOREVER = "public, max-age=31536000, immutable"


def check(app: Flask) -> None:
    """Tell in the log which of the settings cannot be used; pages then look as without them."""
    asked = app.config["FLEXMEASURES_ACCENT_COLOUR"]
    if asked and parsed(asked) is None:
        app.logger.warning("FLEXMEASURES_ACCENT_COLOUR %r is no colour. Accepted: such as #0b6e6e.", asked)
    path = app.config["FLEXMEASURES_LOGO"]
    if path and _logo(path) is None:
        accepted = f"a file ({', '.join(LOGO_TYPES)}) of at most {LARGEST_LOGO:,} bytes"
        app.logger.warning("FLEXMEASURES_LOGO %r is no logo. Accepted: %s.", path, accepted)


def accent_url() -> str:
    """The address of the colour's style sheet, "" where there is none."""
    css = accent_css(current_app.config["FLEXMEASURES_ACCENT_COLOUR"])
    return url_for("ui.accent", v=_digest(css.encode())) if css else ""


def logo_url() -> str:
    """The address of the logo, "" where there is none."""
    found = _logo(current_app.config["FLEXMEASURES_LOGO"])
    return url_for("ui.logo", v=_digest(found[0])) if found else ""


def accent() -> Response:
    """The style sheet of the colour."""
    css = accent_css(current_app.config["FLEXMEASURES_ACCENT_COLOUR"])
    return _file(css.encode(), "text/css; charset=utf-8") if css else abort(404)


def logo() -> Response:
    """The image of the logo."""
    found = _logo(current_app.config["FLEXMEASURES_LOGO"])
    return _file(*found) if found else abort(404)


def accent_css(text: str) -> str:
    """The colour for both themes, darker or lighter where text in it could not be read; "" for what is no colour."""
    colour = parsed(text)
    if colour is None:
        return ""
    light, dark = towards(colour, BLACK, WHITE), towards(colour, WHITE, DARK_CARD)
    return f':root {{ --accent: {_written(light)}; }}\n[data-bs-theme="dark"] {{ --accent: {_written(dark)}; }}\n'


def parsed(text: str) -> Colour | None:
    """The colour that #rrggbb names; None for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return None
    red, green, blue = (int(text[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return red, green, blue


def towards(colour: Colour, end: Colour, ground: Colour) -> Colour:
    """The colour nearest to it, on the way to `end`, that can be read on that ground."""
    for step in range(STEPS + 1):
        share = step / STEPS
        red, green, blue = ((1 - share) * own + share * last for own, last in zip(colour, end, strict=True))
        rounded = (round(255 * red) / 255, round(255 * green) / 255, round(255 * blue) / 255)
        if contrast(rounded, ground) >= LEGIBLE:
            return rounded
    return end


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in colour)


def _logo(path: str) -> tuple[bytes, str] | None:
    file = Path(path)
    kind = LOGO_TYPES.get(file.suffix.lower())
    if not path or kind is None or not file.is_file() or file.stat().st_size > LARGEST_LOGO:
        return None
    return file.read_bytes(), kind


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _file(content: bytes, content_type: str) -> Response:
    response = Response(content, content_type=content_type)
    if request.args.get("v") == _digest(content):
        response.headers["Cache-Control"] = FOREVER
    return response
