"""The hook by which other plugins add panels to pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexmeasures.markers import hookspec

if TYPE_CHECKING:
    from flexmeasures.models import Asset, User


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A box on a page. title: of the box; content: HTML as markupsafe.Markup; any other text is shown as it is.

    The site's Content-Security-Policy holds for it: no script, style or handler inside of the HTML, files from the
    own server only.
    """

    title: str
    content: str


@hookspec
def page_panels(place: str, user: User, asset: Asset | None) -> list[Panel]:  # type: ignore[empty-body]
    """Called when a page is rendered: boxes for it. place: dashboard, asset (with it), portfolio or analytics."""
