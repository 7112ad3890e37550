"""Rules of docs/architecture.md on imports that import-linter (`make lint`, pyproject.toml) has no words for."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "kernel" / "flexmeasures"
PLUGINS = {
    path.name: path for path in sorted((ROOT / "plugins").iterdir()) if (path / "pyproject.toml").exists()
}

HTTP_CLIENTS = {"httpx", "requests", "aiohttp", "urllib3", "http.client", "urllib.request"}

# Rooms that nobody but the kernel's own doors uses.
NOT_FOR_PLUGINS = {"commands", "wsgi", "migrations"}


@dataclass(frozen=True)
class Import:
    """One import: the module (with the name, if that is a module too), its line, and where it stands.

    place: "top" of the module, "types" (under TYPE_CHECKING), or the name of the function around it.
    """

    module: str
    line: int
    place: str

    @property
    def top_level(self) -> str:
        return self.module.partition(".")[0]


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _walk(node: ast.AST, place: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, place
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for child in ast.iter_child_nodes(node):
            yield from _walk(child, node.name)
    elif _is_type_checking(node):
        assert isinstance(node, ast.If)
        for child in node.body:
            yield from _walk(child, "types")
        for child in node.orelse:
            yield from _walk(child, place)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _walk(child, place)


def _is_module(name: str) -> bool:
    first, *rest = name.split(".")
    homes = {path.name: path for plugin in PLUGINS.values() for path in plugin.glob("flexmeasures_*")}
    home = KERNEL if first == "flexmeasures" else homes.get(first)
    if home is None:
        return False
    path = home.joinpath(*rest)
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@cache
def imports_of(file: Path) -> tuple[Import, ...]:
    """All imports of a file, relative ones made absolute."""
    found = []
    for node, place in _walk(ast.parse(file.read_text()), "top"):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, node.lineno, place) for alias in node.names]
            continue
        base = node.module or ""
        if node.level:
            package = module_name(file).split(".")
            package = package if file.name == "__init__.py" else package[:-1]
            base = ".".join(filter(None, [*package[: len(package) - node.level + 1], base]))
        for alias in node.names:
            full = f"{base}.{alias.name}"
            found.append(Import(full if _is_module(full) else base, node.lineno, place))
    return tuple(found)


def module_name(file: Path) -> str:
    """Dotted name of a module of the kernel or of a plugin."""
    home = (
        KERNEL
        if KERNEL in file.parents
        else next(p for p in file.parents if p.parent.parent == ROOT / "plugins")
    )
    parts = [home.name, *file.relative_to(home).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room of a kernel module: `models` for flexmeasures.models.users; "" for flexmeasures itself."""
    return [*module.split("."), ""][1]


KERNEL_FILES = sorted(KERNEL.rglob("*.py"))
PLUGIN_FILES = sorted(
    (name, file) for name, folder in PLUGINS.items() for file in folder.glob("flexmeasures_*/**/*.py")
)


DOORS = ("auth", "beliefs", "cli", "config", "db", "jobs", "plugins", "server")


def _said(file: Path, offence: Import) -> str:
    return f"{file.relative_to(ROOT)}:{offence.line} imports {offence.module}"


def test_the_reader_tells_where_an_import_stands(tmp_path: Path) -> None:
    code = """
        import json, os.path
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from flexmeasures.models import Sensor
        try:
            import pandas
        except ImportError:
            pass
        class Thing:
            def work(self):
                from flexmeasures import beliefs, hookimpl
        """
    file = tmp_path / "sample.py"
    file.write_text(textwrap.dedent(code))
    found = [(each.module, each.place) for each in imports_of(file)]
    assert found == [
        ("json", "top"),
        ("os.path", "top"),
        ("typing", "top"),
        ("flexmeasures.models", "types"),
        ("pandas", "top"),
        ("flexmeasures.beliefs", "work"),
        ("flexmeasures", "work"),
    ]


# -- the kernel ----------------------------------------------------------------------------------------


def test_the_kernel_imports_numpy_only_inside_functions_and_pandas_only_in_to_pandas() -> None:
    offences = [
        _said(file, found)
        for file in KERNEL_FILES
        for found in imports_of(file)
        if (found.top_level == "numpy" and found.place == "top")
        or (found.top_level == "pandas" and found.place != "to_pandas")
    ]
    assert offences == []


def test_the_architecture_page_names_every_room_of_the_kernel() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {room_of(module_name(file)) for file in KERNEL_FILES} - {"", "migrations"}
    assert {room for room in rooms if f"`{room}`" not in page} == set()


def test_the_ways_of_the_architecture_page_pass_functions_that_are_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    ways = page.partition("## Ways through the house")[2].partition("\n## ")[0]
    passed = re.findall(r"`(flexmeasures[\w.]+)`", ways)
    assert len(passed) > 30
    missing = []
    for dotted in passed:
        module, _, name = dotted.rpartition(".")
        if not hasattr(importlib.import_module(module), name):
            missing.append(dotted)
    assert missing == []


def test_the_architecture_page_names_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert {name for name in PLUGINS if f"`{name}`" not in page} == set()


def test_import_flexmeasures_alone_imports_nothing_of_it() -> None:
    assert [found for found in imports_of(KERNEL / "__init__.py") if found.place == "top"] == [
        found for found in imports_of(KERNEL / "__init__.py") if found.top_level in ("__future__", "typing")
    ]


@pytest.mark.parametrize("package", DOORS)
def test_a_door_says_to_type_checkers_what_it_gives_at_run_time(package: str) -> None:
    door = import_module(f"flexmeasures.{package}")
    stated = {
        (alias.name, node.module)
        for node in ast.walk(ast.parse((KERNEL / package / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{door.__name__}.")
        for alias in node.names
    }
    assert {name for name, _ in stated} == set(door.__all__)
    for name, module in stated:
        assert getattr(door, name) is getattr(import_module(str(module)), name), name


def test_a_door_names_what_it_does_not_give() -> None:
    with pytest.raises(AttributeError, match=r"module 'flexmeasures.jobs' has no attribute 'job_shop'"):
        import_module("flexmeasures.jobs").job_shop  # noqa: B018


# -- the client ----------------------------------------------------------------------------------------

CLIENT_FILES = sorted((ROOT / "client" / "flexmeasures_client").rglob("*.py"))


def test_the_client_imports_httpx_and_the_standard_library_only() -> None:
    allowed = {"httpx", "flexmeasures_client", *sys.stdlib_module_names}
    imports = [(file, found) for file in CLIENT_FILES for found in imports_of(file)]
    offences = [
        _said(file, found)
        for file, found in imports
        if found.top_level not in allowed
        and not (found.top_level == "pandas" and found.place in ("types", "to_pandas"))
    ]
    assert CLIENT_FILES
    assert offences == []


# -- plugins -------------------------------------------------------------------------------------------


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(folder: Path) -> set[str]:
    """Names that a plugin may import by what its pyproject.toml declares."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    extras = [need for needs in project.get("optional-dependencies", {}).values() for need in needs]
    needs = [*project["dependencies"], *extras]
    names = {_normal(re.split(r"[<>=!~;\[ ]", need, maxsplit=1)[0]) for need in needs}
    importable = {
        module
        for module, homes in packages_distributions().items()
        if {_normal(home) for home in homes} & names
    }
    own_kind = {path.name for other in PLUGINS.values() for path in other.glob("flexmeasures_*")}
    brought = {name for name in (*own_kind, "flexmeasures") if _normal(name) in names}
    return (importable - own_kind) | brought | {path.name for path in folder.glob("flexmeasures_*")}


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_only_what_it_declares(plugin: str) -> None:
    allowed = _declared(PLUGINS[plugin]) | set(sys.stdlib_module_names)
    offences = [
        _said(file, found)
        for name, file in PLUGIN_FILES
        if name == plugin
        for found in imports_of(file)
        if found.top_level not in allowed
    ]
    assert offences == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_imports_only_public_rooms_of_the_kernel(plugin: str) -> None:
    offences = []
    for name, file in PLUGIN_FILES:
        if name == plugin:
            for found in imports_of(file):
                parts = found.module.split(".")
                private = room_of(found.module) in NOT_FOR_PLUGINS or any(
                    part.startswith("_") for part in parts
                )
                if parts[0] == "flexmeasures" and private:
                    offences.append(_said(file, found))
    assert offences == []


def test_no_plugin_takes_a_private_name_of_the_kernel() -> None:
    offences = []
    for _, file in PLUGIN_FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "flexmeasures":
                taken = [a.name for a in node.names if a.name.startswith("_") and a.name != "__version__"]
                offences += [f"{file.relative_to(ROOT)}:{node.lineno} takes {name}" for name in taken]
    assert offences == []


def test_pages_and_api_import_neither_each_other_nor_http_clients() -> None:
    offences = []
    for name, file in PLUGIN_FILES:
        others = {"flexmeasures_api", "flexmeasures_api_v2"} if name == "ui" else {"flexmeasures_ui"}
        if name == "ui" or name.startswith("api"):
            offences += [
                _said(file, found)
                for found in imports_of(file)
                if found.top_level in others
                or found.top_level in HTTP_CLIENTS
                or found.module in HTTP_CLIENTS
            ]
    assert offences == []
