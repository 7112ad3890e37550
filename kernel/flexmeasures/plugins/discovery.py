"""Find plugins, in installed packages and by settings, and import them.

Packages are found by the entry point groups flexmeasures.builtin_plugins (what comes with FlexMeasures) and
flexmeasures.plugins; others by FLEXMEASURES_PLUGIN_PATHS (folders) and FLEXMEASURES_PLUGINS (folders or importable
modules).
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from flexmeasures.errors import PluginBroken, PluginIncompatible
from flexmeasures.plugins.entry_groups import BUILT_IN_PLUGINS, COMMANDS, PLUGINS

BUILT_IN, THIRD_PARTY, FROM_PATH = "built-in", "package", "path"
ACTIVE, DISABLED, BROKEN, INCOMPATIBLE = "active", "disabled", "broken", "incompatible"


@dataclass(eq=False)
class Plugin:
    """A plugin and what became of it.

    kind: built-in, package or path; origin: distribution or folder it comes from; state: active, disabled,
    broken or incompatible; reason: why it is not active, for users; trace: where it failed, for authors;
    commands: names in the group flexmeasures.commands of its distribution; needs: what that asks of
    flexmeasures, in its metadata; undo: what takes away, in the app, what the plugin has brought.
    """

    name: str
    kind: str
    origin: str
    version: str = ""
    state: str = ACTIVE
    reason: str = ""
    trace: str = ""
    commands: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    module: ModuleType | None = None
    undo: list[Callable[[], None]] = field(default_factory=list)

    @property
    def prefix(self) -> str:
        """What the names of its tables begin with."""
        return f"{self.name.replace('-', '_')}_"


Candidate = tuple[Plugin, Callable[[], ModuleType]]


def from_entry_points() -> Iterator[Candidate]:
    """Plugins of installed packages, by name."""
    kinds = {BUILT_IN_PLUGINS: BUILT_IN, PLUGINS: THIRD_PARTY}
    found = [point for group in kinds for point in importlib.metadata.entry_points(group=group)]
    for entry_point in sorted(found, key=lambda point: point.name):
        distribution = entry_point.dist
        package = distribution.name if distribution is not None else entry_point.value
        plugin = Plugin(entry_point.name, kinds[entry_point.group], f"package {package}")
        if distribution is not None:
            plugin.version = distribution.version
            plugin.needs = tuple(filter(_is_about_us, distribution.requires or ()))
            points = list(distribution.entry_points)
            if plugin.name == next(point.name for point in points if point.group in kinds):
                plugin.commands = tuple(point.name for point in points if point.group == COMMANDS)
        yield plugin, entry_point.load


def kernel_commands() -> list[str]:
    """Names of the commands that the kernel's own distribution brings."""
    points = importlib.metadata.distribution("flexmeasures").entry_points
    return [point.name for point in points if point.group == COMMANDS]


def from_settings(paths: Sequence[str], modules: Sequence[str]) -> Iterator[Candidate]:
    """Plugins that the settings name, in that order; an empty entry names none."""
    for given in [each for each in (*paths, *modules) if each.strip()]:
        path = Path(given).expanduser()
        if given in paths or "/" in given or path.is_dir():
            path = path.absolute()
            yield Plugin(path.name, FROM_PATH, f"folder {path}"), lambda path=path: _import_folder(path)  # type: ignore[misc]
        else:
            yield (
                Plugin(given, FROM_PATH, f"module {given}"),
                lambda given=given: importlib.import_module(given),  # type: ignore[misc]
            )


def _is_about_us(requirement: str) -> bool:
    """Whether a line Requires-Dist is about the kernel, not about another package of a similar name."""
    return re.match(r"flexmeasures\s*[^\w.\s-]", requirement, re.IGNORECASE) is not None


def check_metadata(plugin: Plugin) -> None:
    """PluginIncompatible when the metadata of its distribution ask for another version of FlexMeasures."""
    if plugin.kind == BUILT_IN:
        return
    for line in plugin.needs:
        from packaging.requirements import InvalidRequirement, Requirement

        try:
            need = Requirement(line)
        except InvalidRequirement:
            raise PluginBroken(f"its metadata say Requires-Dist: {line}, which is no requirement") from None
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            _compare(str(need.specifier))


def check_module(plugin: Plugin) -> None:
    """PluginIncompatible when the module's __requires_flexmeasures__ asks for another version."""
    wanted = getattr(plugin.module, "__requires_flexmeasures__", None)
    if wanted is not None:
        _compare(wanted)


def _compare(wanted: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from flexmeasures import __version__

    try:
        fits = SpecifierSet(wanted).contains(__version__, prereleases=True)
    except (InvalidSpecifier, TypeError, AttributeError):
        raise PluginBroken(
            f"__requires_flexmeasures__ = {wanted!r} is no version range, such as '>=2026.11'"
        ) from None
    if not fits:
        raise PluginIncompatible(f"it asks for flexmeasures {wanted}, this is {__version__}")


def restore_listed_order(plugins: list[Plugin], found: Sequence[Candidate]) -> None:
    """Sort into the order of calls: paths as listed, packages by name, built-ins by name."""
    place = {id(candidate): k for k, (candidate, _) in enumerate(found)}
    rank = {FROM_PATH: 0, THIRD_PARTY: 1, BUILT_IN: 2}
    plugins.sort(key=lambda plugin: (rank[plugin.kind], place[id(plugin)]))


def nearest(name: str, known: Sequence[str]) -> str:
    """Words that offer the known name that is most like it, none when none is."""
    similar = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {similar[0]}?" if similar else ""


def _import_folder(path: Path) -> ModuleType:
    """Import a plugin's folder under its own name; the name is known before the code runs."""
    init = path / "__init__.py"
    if not init.is_file():
        folders = [other.parent.name for other in path.parent.glob("*/__init__.py")]
        raise PluginBroken(f"there is no file {init}{nearest(path.name, folders)}")
    name = path.name
    present = sys.modules.get(name)
    if present is not None:
        if getattr(present, "__file__", None) == str(init):
            return present
        raise PluginBroken(
            f"a module named {name!r} is imported already, from"
            f" {getattr(present, '__file__', None)}; rename the folder"
        )
    spec = importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(path)])
    if spec is None or spec.loader is None:
        raise PluginBroken(f"{init} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        for part in [part for part in sys.modules if part == name or part.startswith(f"{name}.")]:
            del sys.modules[part]
        raise
    return module
