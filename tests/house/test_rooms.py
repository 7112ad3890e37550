"""Which room may import which: the rules of docs/architecture.md, read from the code with `ast`."""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KERNEL = ROOT / "kernel" / "flexmeasures"
PLUGINS = {
    path.name: path for path in sorted((ROOT / "plugins").iterdir()) if (path / "pyproject.toml").exists()
}

NOT_IN_THE_KERNEL = {"pyomo", "highspy", "statsmodels", "bokeh", "scipy", "holidays", "pvlib", "sklearn"} | {
    "lightgbm"
}
HTTP_CLIENTS = {"httpx", "requests", "aiohttp", "urllib3", "http.client", "urllib.request"}
NUMBERS_ONLY = {"flask", "sqlalchemy", "flexmeasures"}

# The kernel's rooms from the ground upwards. A room imports those of its own floor and those below.
FLOORS: tuple[frozenset[str], ...] = (
    frozenset(
        {"errors", "timing", "units", "settings", "conversion", "logfile", "config", "series", "grids"}
        | {"names", "patience"}
    ),
    # Contracts: numbers and signatures without a database behind them, so models may give SensorFacts.
    frozenset({"algorithms", "hookspecs", "answers", "flexibility", "activations", "steering"}),
    frozenset({"db"}),
    frozenset({"models"}),
    frozenset(
        {
            "platform",
            "beliefs",
            "belief_rows",
            "quantiles",
            "choosing",
            "prices",
            "schemas",
            "leases",
            "lookout",
        }
        | {"deadlines", "bell", "recurring", "user_schemas"}
    ),
    frozenset(
        {"auth", "structure", "jobs", "working", "workers", "reading", "knowledge", "accuracy", "scheduling"}
        | {"questions", "doubts", "explaining", "rolling", "sites"}
        | {
            "interventions",
            "forecasting",
            "migrating",
            "uninstalling",
            "backups",
            "groups",
            "dumps",
            "monitoring",
            "mail",
            "accounts",
            "ui",
            "utils",
            "data",
        }
    ),
    frozenset({"finding", "plugins", "footprint", "registering"}),
    frozenset({"app"}),
    frozenset({"cli", "commands", "wsgi", "testing", "migrations"}),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Imports upwards that stand only under TYPE_CHECKING, where a signature has to name its types.
UPWARDS_FOR_TYPES = {
    ("hookspecs", "models"): "hooks take models as arguments",
    ("platform", "plugins"): "the running platform holds the plugins, which app.py puts into it",
    ("migrating", "plugins"): "it migrates the tables of the plugins that it is given",
}
# Rooms that nobody but the kernel's own doors uses.
NOT_FOR_PLUGINS = {"cli", "commands", "wsgi", "testing", "migrations"}


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


def test_the_kernel_imports_no_plugin_and_no_library_of_algorithms_or_charts() -> None:
    offences = [
        _said(file, found)
        for file in KERNEL_FILES
        for found in imports_of(file)
        if found.top_level in NOT_IN_THE_KERNEL or found.top_level.startswith("flexmeasures_")
    ]
    assert offences == []


def test_the_kernel_imports_numpy_only_inside_functions_and_pandas_only_in_to_pandas() -> None:
    offences = [
        _said(file, found)
        for file in KERNEL_FILES
        for found in imports_of(file)
        if (found.top_level == "numpy" and found.place == "top")
        or (found.top_level == "pandas" and found.place != "to_pandas")
    ]
    assert offences == []


def test_every_room_of_the_kernel_has_its_floor() -> None:
    rooms = {room_of(module_name(file)) for file in KERNEL_FILES} - {""}
    assert rooms - set(FLOOR_OF) == set()


def test_the_architecture_page_names_every_room_of_the_kernel() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = {room_of(module_name(file)) for file in KERNEL_FILES} - {"", "migrations"}
    assert {room for room in rooms if f"`{room}`" not in page} == set()


def _upwards() -> Iterator[tuple[Path, Import, str, str]]:
    for file in KERNEL_FILES:
        room = room_of(module_name(file))
        for found in imports_of(file):
            target = room_of(found.module)
            known = found.top_level == "flexmeasures" and {room, target} <= set(FLOOR_OF)
            if known and FLOOR_OF[target] > FLOOR_OF[room]:
                yield file, found, room, target


def test_rooms_of_the_kernel_import_downwards_only() -> None:
    """Imports inside functions count as well; under TYPE_CHECKING only what UPWARDS_FOR_TYPES gives a reason for."""
    offences = [
        _said(file, found)
        for file, found, room, target in _upwards()
        if found.place != "types" or (room, target) not in UPWARDS_FOR_TYPES
    ]
    assert offences == []


def test_every_exception_for_types_is_needed() -> None:
    used = {(room, target) for _, _, room, target in _upwards()}
    assert set(UPWARDS_FOR_TYPES) - used == set()


def test_only_the_door_of_beliefs_touches_their_table() -> None:
    offences = [
        _said(file, found)
        for file in [*KERNEL_FILES, *(file for _, file in PLUGIN_FILES)]
        for found in imports_of(file)
        if found.module == "flexmeasures.models.beliefs"
        and file.relative_to(ROOT).parts[2:]
        not in {("beliefs.py",), ("belief_rows.py",), ("quantiles.py",), ("models", "__init__.py")}
    ]
    assert offences == []


def test_import_flexmeasures_alone_imports_nothing_of_it() -> None:
    assert [found for found in imports_of(KERNEL / "__init__.py") if found.place == "top"] == [
        found for found in imports_of(KERNEL / "__init__.py") if found.top_level in ("__future__", "typing")
    ]


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


def test_neither_kernel_nor_plugins_import_the_client() -> None:
    files = [*KERNEL_FILES, *(file for _, file in PLUGIN_FILES)]
    assert [f for f in files for found in imports_of(f) if found.top_level == "flexmeasures_client"] == []


# -- no circles ----------------------------------------------------------------------------------------


def test_no_modules_import_each_other_in_a_circle() -> None:
    files = [*KERNEL_FILES, *(file for _, file in PLUGIN_FILES)]
    graph = {
        module_name(file): {found.module for found in imports_of(file) if found.place == "top"}
        for file in files
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"circle: {' <- '.join(error.args[1])}")
    assert set(graph) <= set(order)


# -- plugins -------------------------------------------------------------------------------------------


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(folder: Path) -> set[str]:
    """Names that a plugin may import by what its pyproject.toml declares."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    names = {_normal(re.split(r"[<>=!~;\[ ]", need, maxsplit=1)[0]) for need in project["dependencies"]}
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


@pytest.mark.parametrize(
    "file",
    [
        *(
            f"scheduler_storage/flexmeasures_scheduler_storage/{name}.py"
            for name in (
                *("model", "storage", "equations", "compiled", "programs", "highs", "directions"),
                *("scaling", "reach", "joined", "site"),
            )
        ),
        "forecaster_ols/flexmeasures_forecaster_ols/ols.py",
        "forecaster_gbm/flexmeasures_forecaster_gbm/trees.py",
    ],
)
def test_mathematics_knows_no_web_no_database_and_no_flexmeasures(file: str) -> None:
    path = ROOT / "plugins" / file
    assert [_said(path, found) for found in imports_of(path) if found.top_level in NUMBERS_ONLY] == []
