"""Find, load, isolate and list plugins.

A plugin is a Python module that brings hooks or Blueprints. Built-ins and third-party packages are found by
the entry point group flexmeasures.plugins; others by FLEXMEASURES_PLUGIN_PATHS (folders) and
FLEXMEASURES_PLUGINS (folders or importable modules). One that fails is skipped with its reason, never those
after it. Calls go to plugins from paths first, then to third-party packages, then to built-ins; names are
given out the other way round.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from flexmeasures import hookspecs
from flexmeasures.errors import NameTaken, PluginBroken, PluginError, PluginIncompatible

log = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "flexmeasures.plugins"
COMMANDS_GROUP = "flexmeasures.commands"
HOUSE = frozenset(
    f"flexmeasures-{room}"
    for room in ("api", "api-v1", "api-v2", "cli", "ui", "scheduler-storage", "forecaster-ols", "demo")
)

BUILT_IN, THIRD_PARTY, FROM_PATH = "built-in", "package", "path"
ACTIVE, DISABLED, BROKEN, INCOMPATIBLE = "active", "disabled", "broken", "incompatible"


@dataclass
class Plugin:
    """A plugin and what became of it.

    kind: built-in, package or path; origin: distribution or folder it comes from; state: active, disabled,
    broken or incompatible; reason: why it is not active, for users; trace: where it failed, for authors;
    brings_commands: its distribution has entry points of the group flexmeasures.commands.
    """

    name: str
    kind: str
    origin: str
    version: str = ""
    state: str = ACTIVE
    reason: str = ""
    trace: str = ""
    brings_commands: bool = False
    module: ModuleType | None = None


class Plugins:
    """All plugins of one app, in the order in which their hooks are called, and the names that they hold."""

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.manager = pluggy.PluginManager("flexmeasures")
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[Plugin] = []
        self._names: dict[tuple[str, str], Plugin] = {}

    def load(self, paths: Sequence[str], modules: Sequence[str], disabled: Sequence[str] = ()) -> None:
        """Import all plugins (built-ins first, since names are given out in that order) and register hooks."""
        found = [*_from_entry_points(), *_from_settings(paths, modules)]
        rank = {BUILT_IN: 0, THIRD_PARTY: 1, FROM_PATH: 2}
        ordered = sorted(found, key=lambda candidate: rank[candidate[0].kind])
        for plugin, load in ordered:
            self.plugins.insert(0, plugin)
            if plugin.name in disabled:
                plugin.state, plugin.reason = DISABLED, "named in FLEXMEASURES_DISABLED_PLUGINS"
            else:
                with self.guarding(plugin):
                    plugin.module = load()
                    plugin.version = str(getattr(plugin.module, "__version__", plugin.version))
                    _check_version(plugin.module)
        self.plugins.sort(key=lambda plugin: -rank[plugin.kind])
        _restore_listed_order(self.plugins, found)
        for plugin in reversed(self.active):
            with self.guarding(plugin):
                self._register(plugin)

    @property
    def active(self) -> list[Plugin]:
        """Plugins that work, in the order in which their hooks are called."""
        return [plugin for plugin in self.plugins if plugin.state == ACTIVE]

    def guarding(self, plugin: Plugin) -> _Guard:
        """A context in which whatever the plugin raises makes it broken and withdraws its hooks."""
        return _Guard(self, plugin)

    def withdraw(self, plugin: Plugin) -> None:
        """Take a plugin's hooks and names away: half a plugin is worse than none."""
        if self.manager.has_plugin(plugin.name):
            self.manager.unregister(name=plugin.name)
        self._names = {key: holder for key, holder in self._names.items() if holder is not plugin}

    def callers(self, hook: str) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Name and function of each plugin that implements the hook; functions take what they do not know of."""
        caller = getattr(self.manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            yield implementation.plugin_name, _taking_by_name(implementation)

    def claim(self, kind: str, name: str, plugin: Plugin) -> None:
        """Give the name of a blueprint, command, route ... to a plugin; NameTaken, naming both, if it is taken."""
        holder = self._names.get((kind, name))
        replaces = getattr(plugin.module, "__replaces__", ())
        if holder is not None and holder is not plugin:
            wanted = f"{holder.name}.{name}"
            if wanted not in replaces:
                raise NameTaken(
                    f"The {kind} {name!r} of plugin {plugin.name} is already brought by plugin {holder.name};"
                    f" to replace it, state __replaces__ = ['{wanted}']."
                )
        self._names[kind, name] = plugin

    def holder(self, kind: str, name: str) -> Plugin | None:
        """The plugin that has the name."""
        return self._names.get((kind, name))

    def settings(self) -> list[Any]:
        """Settings that plugins register."""
        rows: list[Any] = []
        for plugin, answer in self.asked("register_settings"):
            del plugin
            rows += answer
        return rows

    def asked(self, hook: str, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        """Plugin and answer of a set-up hook, built-ins first; a plugin that raises is broken from then on."""
        for plugin in reversed(self.active):
            for name, call in list(self.callers(hook)):
                if name == plugin.name:
                    answer = None
                    with self.guarding(plugin):
                        answer = call(**arguments)
                    if answer is not None:
                        yield plugin, answer

    def _register(self, plugin: Plugin) -> None:
        from flask import Blueprint

        self.manager.register(plugin.module, plugin.name)
        try:
            self.manager.check_pending()
        except pluggy.PluginValidationError as error:
            raise PluginBroken(_readable(error)) from None
        has_hooks = plugin.brings_commands or bool(self.manager.get_hookcallers(plugin.module))
        if not has_hooks and not any(isinstance(thing, Blueprint) for thing in vars(plugin.module).values()):
            raise PluginBroken(
                "it brings neither a hook (flexmeasures.hookimpl), nor a Blueprint, nor a command"
            )


class _Guard:
    """Turns exceptions of a plugin (and sys.exit) into its state; raises them in strict mode."""

    def __init__(self, plugins: Plugins, plugin: Plugin) -> None:
        self.plugins = plugins
        self.plugin = plugin

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        if error is None or isinstance(error, KeyboardInterrupt | GeneratorExit):
            return False
        plugin = self.plugin
        plugin.state = INCOMPATIBLE if isinstance(error, PluginIncompatible) else BROKEN
        plugin.reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
        plugin.trace = "".join(traceback.format_exception(error))
        self.plugins.withdraw(plugin)
        if self.plugins.strict:
            return False
        log.error("Plugin %s (%s) is %s: %s", plugin.name, plugin.origin, plugin.state, plugin.reason)
        return True


Candidate = tuple[Plugin, Callable[[], ModuleType]]


def _from_entry_points() -> Iterator[Candidate]:
    for entry_point in sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda e: e.name):
        distribution = entry_point.dist
        package = distribution.name if distribution is not None else entry_point.value
        version = distribution.version if distribution is not None else ""
        kind = BUILT_IN if package in HOUSE else THIRD_PARTY
        groups = {entry.group for entry in distribution.entry_points} if distribution is not None else set()
        plugin = Plugin(entry_point.name, kind, f"package {package}", version)
        plugin.brings_commands = COMMANDS_GROUP in groups
        yield plugin, entry_point.load


def _from_settings(paths: Sequence[str], modules: Sequence[str]) -> Iterator[Candidate]:
    for given in [*paths, *modules]:
        path = Path(str(given)).expanduser()
        if given in paths or "/" in str(given) or path.is_dir():
            yield (
                Plugin(path.name, FROM_PATH, f"folder {path}"),
                lambda path=path: _import_folder(path),  # type: ignore[misc]
            )
        else:
            yield (
                Plugin(str(given), FROM_PATH, f"module {given}"),
                lambda given=given: importlib.import_module(str(given)),  # type: ignore[misc]
            )


def _restore_listed_order(plugins: list[Plugin], found: Sequence[Candidate]) -> None:
    place = {id(candidate): k for k, (candidate, _) in enumerate(found)}
    rank = {FROM_PATH: 0, THIRD_PARTY: 1, BUILT_IN: 2}
    plugins.sort(key=lambda plugin: (rank[plugin.kind], place[id(plugin)]))


def _import_folder(path: Path) -> ModuleType:
    """Import a plugin's folder under its own name; the name is known before the code runs."""
    init = path / "__init__.py"
    if not init.is_file():
        raise PluginBroken(f"there is no file {init}")
    name = path.name
    present = sys.modules.get(name)
    if present is not None:
        if getattr(present, "__file__", None) == str(init):
            return present
        raise PluginBroken(
            f"a module named {name!r} is imported already, from {present.__file__}; rename the folder"
        )
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(path)])
    if spec is None or spec.loader is None:
        raise PluginBroken(f"{init} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def blueprints_of(plugin: Plugin) -> list[Any]:
    """Blueprints at the top of a plugin's module: `<name>_bp` first, then any other."""
    from flask import Blueprint

    found: Mapping[str, Any] = vars(plugin.module) if plugin.module is not None else {}
    named = found.get(f"{plugin.name.replace('-', '_')}_bp")
    others = [thing for thing in found.values() if isinstance(thing, Blueprint) and thing is not named]
    unique = {
        id(blueprint): blueprint for blueprint in ([named] if isinstance(named, Blueprint) else []) + others
    }
    return list(unique.values())


def _check_version(module: ModuleType) -> None:
    wanted = getattr(module, "__requires_flexmeasures__", None)
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from flexmeasures import __version__

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise PluginBroken(
            f"__requires_flexmeasures__ = {wanted!r} is no version range, such as '>=2026.11'"
        ) from None
    if not fits:
        raise PluginIncompatible(f"it asks for flexmeasures {wanted}, this is {__version__}")


def _taking_by_name(implementation: Any) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        return implementation.function(**{name: arguments[name] for name in implementation.argnames})

    return call


def _readable(error: pluggy.PluginValidationError) -> str:
    import difflib

    text = " ".join(str(error).split())
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "flexmeasures_spec")]
    unknown = text.split("unknown hook ")[-1].split("'")[1] if "unknown hook '" in text else ""
    nearest = difflib.get_close_matches(unknown, known, 1)
    return f"{text} (did you mean {nearest[0]}?)" if nearest else text
