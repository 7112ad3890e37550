"""What other plugins add to pages: panels, and their names in the footer."""

from __future__ import annotations

from flexmeasures.auth import current_user
from flexmeasures.models import Asset
from flexmeasures.runtime import runtime
from flexmeasures_ui.hookspecs import Panel


def panels(place: str, asset: Asset | None = None) -> list[Panel]:
    """The panels that plugins bring for that place."""
    user = current_user()
    if user is None:
        return []
    answers = runtime().ask("page_panels", place=place, user=user, asset=asset)
    return [panel for answer in answers for panel in answer]


def added_plugins() -> list[str]:
    """The names of the active plugins that do not come with FlexMeasures."""
    plugins = runtime().plugins
    return sorted(plugin.name for plugin in plugins.active if not plugins.is_built_in(plugin.name))
