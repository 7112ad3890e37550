"""What is wrong with a plugin: hooks that cannot work, and errors in words that lead to the line."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flexmeasures.errors import PluginBroken, PluginError
from flexmeasures.plugins.discovery import Plugin, nearest
from flexmeasures.plugins.timeouts import TookTooLong

HERE = str(Path(__file__).parents[1])


# Packages that bring hooks, so that whoever implements one without it is told what to install.
BROUGHT_BY = {
    "choose_algorithm": "flexmeasures-algorithms",
    "draw_power_chart": "flexmeasures-charts",
    "on_schedule_stored": "flexmeasures-scheduling",
    "page_panels": "flexmeasures-ui",
    "register_api_versions": "flexmeasures-api",
    "register_asset_fields": "flexmeasures-master-data",
    "register_file_readers": "flexmeasures-ingestion",
    "register_forecasters": "flexmeasures-forecasting",
    "register_price_providers": "flexmeasures-market-data",
    "register_schedulers": "flexmeasures-scheduling",
    "register_weather_providers": "flexmeasures-weather",
}


def check_hook(
    function: Any, hook: str, specifications: Mapping[str, Callable[..., Any]], options: Mapping[str, Any]
) -> None:
    specification = specifications.get(hook)
    code = inspect.unwrap(function).__code__
    where = f"({code.co_filename}, line {code.co_firstlineno})"
    if specification is None:
        if options.get("optionalhook"):
            return
        package = BROUGHT_BY.get(hook)
        wanting = f"; it comes with the package {package}, which is missing or not active" if package else ""
        raise PluginBroken(
            f"it implements an unknown hook {hook!r} {where}{wanting or nearest(hook, list(specifications))}"
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise PluginBroken(f"its hook {hook} {where} is async; hooks are plain functions")
    if options.get("wrapper") or options.get("hookwrapper"):
        raise PluginBroken(f"its hook {hook} {where} is a wrapper, which FlexMeasures has no use for")
    known = list(inspect.signature(specification).parameters)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise PluginBroken(f"its hook {hook} {where} takes {name!r} by keyword only, after a star")
        if name not in known and parameter.default is parameter.empty:
            accepted = ", ".join(known) or "none"
            raise PluginBroken(
                f"its hook {hook} {where} takes an argument {name!r}{nearest(name, known)}; there are: {accepted}"
            )


def check_replaces(plugin: Plugin) -> None:
    stated = getattr(plugin.module, "__replaces__", ())
    if not isinstance(stated, list | tuple | set | frozenset) or not all(isinstance(s, str) for s in stated):
        raise PluginBroken(f"__replaces__ = {stated!r:.80} is no list of names, such as ['ui.assets']")


def check_models(plugin: Plugin) -> None:
    """Configure the mappers of the plugin's own base, so that what is wrong shows now and not in a request."""
    from flexmeasures.db import Base, plugin_bases

    base = plugin_bases.get(plugin.prefix[:-1])
    if base is None:
        return
    for table in base.metadata.tables.values():
        if not table.name.startswith(plugin.prefix) or table.name in Base.metadata.tables:
            raise PluginBroken(f"its table {table.name!r} is to be named {plugin.prefix}...")
    base.registry.configure(cascade=False)
    for table in base.metadata.tables.values():
        for key in table.foreign_keys:
            _ = key.column  # raises where it leads to no table


def in_words(error: BaseException, plugin: Plugin) -> str:
    try:
        text = str(error)
    except Exception:
        text = "(its text cannot be made)"
    if isinstance(error, PluginError):
        return text
    if isinstance(error, TookTooLong):
        text = f"it hangs: {text}"
    elif not isinstance(error, TypeError) or not text.startswith("hook "):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    where = _where(error, plugin)
    return text if where is None or where in text else f"{text} ({where})"


def _where(error: BaseException, plugin: Plugin) -> str | None:
    """File and line of the plugin's code that the error comes from."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((HERE, "<frozen ")) and "/importlib/" not in frame.filename
    ]
    own = [frame for frame in frames if plugin.name.replace("-", "_") in frame.filename.replace("-", "_")]
    last = (own or frames or [None])[-1]  # type: ignore[list-item]
    return None if last is None else f"{last.filename}, line {last.lineno}"


def trace(error: BaseException) -> str:
    with suppress(Exception):
        return "".join(traceback.format_exception(error))
    return f"{type(error).__name__} (its traceback cannot be made)"
