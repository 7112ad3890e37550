"""The page of what plugins may import: Sphinx's autodoc over the names that packages offer."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from wording import NOTE

HEAD = f"""{NOTE}# Python

What plugins, and programs beside the server, may import. Each package names what it offers in its `__init__.py`;
what is not named there can change with any version. What reads or stores works inside an app context, what stores
inside `with flexmeasures.db.writing():` as well. [Hooks](hooks.md) and [fixtures for tests](../howto/plugin.md) stand
on pages of their own.
"""
PACKAGES = {
    "flexmeasures": "Sensors, sources, users",
    "flexmeasures.beliefs": "Beliefs",
    "flexmeasures.db": "Database",
    "flexmeasures.jobs": "Jobs",
    "flexmeasures.auth": "Users and permissions",
    "flexmeasures.config": "Settings",
    "flexmeasures_algorithms": "Choice of algorithms",
    "flexmeasures_master_data": "Assets, markets, weather sensors",
    "flexmeasures_scheduling": "Schedules",
    "flexmeasures_forecasting": "Forecasts",
    "flexmeasures_ingestion": "Files",
    "flexmeasures_weather": "Weather",
    "flexmeasures_market_data": "Prices",
    "flexmeasures_web_services": "Services on the web",
    "flexmeasures_charts": "Charts",
    "flexmeasures_tariffs": "Tariffs",
    "flexmeasures_client": "Client",
}


def python_page(_: Any) -> str:
    """A part a package, with what Sphinx finds of its names when it builds the pages."""
    parts = [HEAD]
    for name, title in PACKAGES.items():
        package = import_module(name)
        found = {each: getattr(package, each) for each in package.__all__ if not each.startswith("_")}
        directives = "\n".join(
            _directive(f"{name}.{each}", thing) for each, thing in found.items() if _is_told(thing)
        )
        parts.append(f"## {title}: `{name}`\n\n```{{eval-rst}}\n{directives}```\n")
    return "\n".join(parts)


def _is_told(thing: Any) -> bool:
    """Constants have no text of their own."""
    return callable(thing) and bool(thing.__doc__)


def _directive(path: str, thing: Any) -> str:
    if inspect.isclass(thing):
        return f".. autoclass:: {path}\n   :members:\n"
    return f".. autofunction:: {path}\n"


PAGES = {"python": python_page}
