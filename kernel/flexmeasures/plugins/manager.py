"""Load, isolate and list plugins.

A plugin is a Python module that brings hooks, Blueprints or commands. One that fails is withdrawn with its
reason, never those after it. Calls go to plugins from paths first, then to third-party packages, then to
built-ins; names are given out the other way round.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from flexmeasures import hookspecs
from flexmeasures.errors import NameTaken, PluginBroken, PluginIncompatible
from flexmeasures.plugins.checks import checked
from flexmeasures.plugins.discovery import (
    ACTIVE,
    BROKEN,
    BUILT_IN,
    DISABLED,
    FROM_PATH,
    INCOMPATIBLE,
    THIRD_PARTY,
    Plugin,
    check_metadata,
    check_module,
    from_entry_points,
    from_settings,
    kernel_commands,
    nearest,
    restore_listed_order,
)
from flexmeasures.plugins.entry_groups import APP_COMMANDS
from flexmeasures.plugins.faults import check_hook, check_models, check_replaces, in_words, trace
from flexmeasures.plugins.slow_imports import SlowImports
from flexmeasures.plugins.timeouts import TookTooLong, within

__all__ = [
    "ACTIVE",
    "BROKEN",
    "BUILT_IN",
    "DISABLED",
    "FROM_PATH",
    "INCOMPATIBLE",
    "KERNEL",
    "THIRD_PARTY",
    "Plugin",
    "Plugins",
    "blueprints_of",
]

# It holds the names that no plugin may have.
KERNEL = Plugin("flexmeasures", BUILT_IN, "the kernel")

log = logging.getLogger(__name__)


class Plugins:
    """All plugins of one app, in the order in which their hooks are called, and the names that they hold.

    strict: raise at the first that fails. patience: seconds that an import or a set-up hook may take, 0 for
    no limit. only_built_ins: safe mode. instance: where slow imports are remembered. failures: what
    plugins raised in hooks that were called last, by
    plugin and hook.
    """

    def __init__(
        self,
        strict: bool = False,
        patience: float = 0,
        only_built_ins: bool = False,
        instance: Path | None = None,
    ) -> None:
        self.strict, self.patience, self.only_built_ins = strict, patience, only_built_ins
        self.slow_imports = SlowImports(instance)
        self.manager = pluggy.PluginManager("flexmeasures")
        self.specification_modules: list[ModuleType] = []
        self._specifications: dict[str, Callable[..., Any]] = {}
        self.plugins: list[Plugin] = []
        self._built_ins: set[str] = set()
        self.failures: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], list[Plugin]] = {}
        self._specify(hookspecs, KERNEL)
        for name in (*kernel_commands(), *APP_COMMANDS):
            self.claim("command", name, KERNEL)

    def load(self, paths: Sequence[str], modules: Sequence[str], disabled: Sequence[str] = ()) -> None:
        """Import all plugins (built-ins first, since names are given out in that order) and register hooks."""
        found = [*from_entry_points(), *from_settings(paths, modules)]
        rank = {BUILT_IN: 0, THIRD_PARTY: 1, FROM_PATH: 2}
        for plugin, load in sorted(found, key=lambda candidate: rank[candidate[0].kind]):
            self.plugins.append(plugin)
            if plugin.kind == BUILT_IN:
                self._built_ins.add(plugin.name)
            if plugin.name in disabled:
                plugin.state, plugin.reason = DISABLED, "named in FLEXMEASURES_DISABLED_PLUGINS"
            elif self.only_built_ins and plugin.kind != BUILT_IN:
                plugin.state, plugin.reason = DISABLED, "safe mode (--no-plugins)"
            else:
                with self.guarding(plugin):
                    self._import(plugin, load)
        restore_listed_order(self.plugins, found)
        for plugin in reversed(self.active):
            with self.guarding(plugin):
                self._add_specifications(plugin)
        for plugin in reversed(self.active):
            with self.guarding(plugin):
                self._register(plugin)
        self._warn_of_unknown(disabled)

    @property
    def active(self) -> list[Plugin]:
        """Plugins that work, in the order in which their hooks are called."""
        return [plugin for plugin in self.plugins if plugin.state == ACTIVE]

    @contextmanager
    def guarding(self, plugin: Plugin) -> Iterator[None]:
        """A context in which whatever the plugin raises (sys.exit too) withdraws it; strict mode raises it."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            plugin.state = INCOMPATIBLE if isinstance(error, PluginIncompatible) else BROKEN
            plugin.reason, plugin.trace = in_words(error, plugin), trace(error)
            self.withdraw(plugin)
            if self.strict:
                if isinstance(error, Exception):
                    raise
                raise PluginBroken(plugin.reason) from error
            log.error("Plugin %s (%s) is %s: %s", plugin.name, plugin.origin, plugin.state, plugin.reason)

    def take_off(self, name: str, error: BaseException) -> Plugin:
        """Withdraw the plugin of that name because of an error; strict mode raises it."""
        plugin = next(plugin for plugin in self.plugins if plugin.name == name)
        with self.guarding(plugin):
            raise error
        return plugin

    def withdraw(self, plugin: Plugin) -> None:
        """Take away a plugin's hooks, names and what it brought to the app: half a plugin is worse than none.

        A name that it had replaced goes back to who had it before.
        """
        if plugin.module is not None and self.manager.get_name(plugin.module) == plugin.name:
            self.manager.unregister(plugin.module)
        for take_away in reversed(plugin.undo):
            try:
                take_away()
            except Exception:
                log.exception("Something of plugin %s could not be taken away.", plugin.name)
        plugin.undo.clear()
        for holders in self._names.values():
            if plugin in holders:
                holders.remove(plugin)

    def callers(self, hook: str) -> Iterator[tuple[str, Callable[..., Any]]]:
        """Name and function of each plugin that implements the hook; functions take what they do not know of."""
        caller = getattr(self.manager.hook, hook)
        for implementation in reversed(caller.get_hookimpls()):
            yield implementation.plugin_name, _taking_by_name(implementation)

    def note_failure(self, name: str, hook: str, error: BaseException, consequence: str) -> None:
        """Log that a plugin fails in a hook, and remember it until it answers again."""
        first = (name, hook) not in self.failures
        self.failures[name, hook] = type(error).__name__
        trace = error if first else None  # later ones would fill the log with the same
        log.error("Plugin %s fails in hook %s; %s: %r", name, hook, consequence, error, exc_info=trace)

    def note_success(self, name: str, hook: str) -> None:
        """Forget that the plugin failed in the hook."""
        if self.failures:
            self.failures.pop((name, hook), None)

    def claim(self, kind: str, name: str, plugin: Plugin, also: Iterable[str] = ()) -> Plugin | None:
        """Give a name to a plugin; the one that had it, if that is replaced. NameTaken, naming both, else.

        kind: "blueprint", "page", "command", "scheduler" ...; also: what __replaces__ may call it besides
        "<holder>.<name>" and "<kind>.<name>".
        """
        holder = self.holder(kind, name)
        if holder is KERNEL and plugin is not KERNEL:
            raise NameTaken(f"The {kind} {name!r} of plugin {plugin.name} is the kernel's.")
        if holder is plugin:
            return None
        if holder is not None:
            wanted = f"{holder.name}.{name}"
            stated = {wanted, f"{kind}.{name}", *(f"{holder.name}.{other}" for other in also)}
            if not stated & set(getattr(plugin.module, "__replaces__", ())):
                raise NameTaken(
                    f"The {kind} {name!r} of plugin {plugin.name} is already brought by plugin {holder.name};"
                    f" to replace it, state __replaces__ = ['{wanted}']."
                )
        self._names.setdefault((kind, name), []).append(plugin)
        return holder

    def holder(self, kind: str, name: str) -> Plugin | None:
        """The plugin that has the name."""
        holders = self._names.get((kind, name))
        return holders[-1] if holders else None

    def answer(self, plugin: Plugin, hook: str, **arguments: Any) -> Any:
        """What one plugin answers to a set-up hook, checked; None if it does not implement it."""
        for name, call in self.callers(hook):
            if name == plugin.name:
                return self.checked(hook, within(self.patience, lambda: call(**arguments)))  # noqa: B023
        return None

    def checked(self, hook: str, answer: Any) -> Any:
        """The answer to a hook; WrongAnswer when it is not what the hook's specification says."""
        return checked(self._specifications[hook], answer)

    def asked(self, hook: str, **arguments: Any) -> Iterator[tuple[Plugin, Any]]:
        """Plugin and answer of a set-up hook, built-ins first; a plugin that raises is broken from then on."""
        for plugin in reversed(self.active):
            answer = None
            with self.guarding(plugin):
                answer = self.answer(plugin, hook, **arguments)
            if answer is not None:
                yield plugin, answer

    def _import(self, plugin: Plugin, load: Callable[[], Any]) -> None:
        self.claim("plugin", plugin.name, plugin)
        check_metadata(plugin)
        from flexmeasures.db import plugin_bases

        folder, bases = os.getcwd(), dict(plugin_bases)
        try:
            with redirect_stdout(sys.stderr):  # standard output is for what a command was asked for
                plugin.module = self._imported_in_time(plugin, load)
        finally:
            os.chdir(folder)
        plugin.version = str(getattr(plugin.module, "__version__", plugin.version))
        check_module(plugin)
        check_replaces(plugin)
        for command in plugin.commands:
            self.claim("command", command.replace("_", "-"), plugin)
        for name, base in plugin_bases.items():
            if f"{name}_" != plugin.prefix and bases.get(name) is not base:
                raise PluginBroken(
                    f"its tables stand on plugin_base({name!r}), not plugin_base({plugin.prefix[:-1]!r})"
                )
        check_models(plugin)

    def _imported_in_time(self, plugin: Plugin, load: Callable[[], Any]) -> Any:
        """The module. Of a plugin from a folder it is remembered when the time was over."""
        folder = plugin.origin.removeprefix("folder ") if plugin.kind == FROM_PATH else ""
        remembered = self.slow_imports.reason(folder, self.patience) if folder else None
        if remembered is not None:
            raise PluginBroken(remembered)
        try:
            module = within(self.patience, load)
        except TookTooLong:
            if folder:
                self.slow_imports.note(folder, self.patience)
            raise
        if folder:
            self.slow_imports.forget(folder)
        return module

    def is_built_in(self, name: str) -> bool:
        """Whether the plugin of that name comes with FlexMeasures."""
        return name in self._built_ins

    def _add_specifications(self, plugin: Plugin) -> None:
        """Let a plugin bring hooks of its own, which others then may implement."""
        for name, options in self._implementations(plugin):
            if (options.get("specname") or name) == "register_hookspecs":
                bring = getattr(plugin.module, name)
                brought = self.checked("register_hookspecs", within(self.patience, bring))
                for specifications in brought or ():
                    self._specify(specifications, plugin)

    def _specify(self, specifications: ModuleType, plugin: Plugin) -> None:
        brought = _specified_in(specifications)
        for hook in brought:
            self.claim("hook", hook, plugin)
        self.specification_modules.append(specifications)
        self._specifications |= brought
        self.manager.add_hookspecs(specifications)

    def _register(self, plugin: Plugin) -> None:
        from flask import Blueprint

        assert plugin.module is not None  # noqa: S101  those that have no module are not active
        number = self._check_hooks(plugin)
        self.manager.register(plugin.module, plugin.name)
        things = vars(plugin.module).values()
        if not number and not plugin.commands and not any(isinstance(thing, Blueprint) for thing in things):
            raise PluginBroken(
                "it brings neither a hook (flexmeasures.hookimpl), nor a Blueprint, nor a command"
            )

    def _check_hooks(self, plugin: Plugin) -> int:
        """How many hooks the plugin implements; PluginBroken, telling where, for one that cannot work."""
        number = 0
        for name, options in self._implementations(plugin):
            hook = options.get("specname") or name
            check_hook(getattr(plugin.module, name), hook, self._specifications, options)
            number += 1
        return number

    def _implementations(self, plugin: Plugin) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Names of a plugin's functions that implement hooks, and the options that they were marked with."""
        for name in dir(plugin.module):
            options = self.manager.parse_hookimpl_opts(plugin.module, name)
            if options is not None:
                yield name, options

    def _warn_of_unknown(self, disabled: Sequence[str]) -> None:
        known = [plugin.name for plugin in self.plugins]
        for name in disabled:
            if name not in known:
                log.warning("FLEXMEASURES_DISABLED_PLUGINS names %s%s.", name, nearest(name, known))


def blueprints_of(plugin: Plugin) -> list[Any]:
    """Blueprints at the top of a plugin's module: `<name>_bp` first, then any other."""
    from flask import Blueprint

    found: Mapping[str, Any] = vars(plugin.module) if plugin.module is not None else {}
    named = found.get(f"{plugin.prefix}bp")
    others = [thing for thing in found.values() if isinstance(thing, Blueprint) and thing is not named]
    unique = {
        id(blueprint): blueprint for blueprint in ([named] if isinstance(named, Blueprint) else []) + others
    }
    return list(unique.values())


# -- what is wrong with a plugin ------------------------------------------------------------------------


def _specified_in(module: ModuleType) -> dict[str, Callable[..., Any]]:
    return {name: thing for name, thing in vars(module).items() if hasattr(thing, "flexmeasures_spec")}


@lru_cache(maxsize=4096)
def _taking_by_name(implementation: Any) -> Callable[..., Any]:
    function, names = implementation.function, implementation.argnames

    def call(**arguments: Any) -> Any:
        return function(**{name: arguments[name] for name in names})

    return call
