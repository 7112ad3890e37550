"""What starting costs: neither the package nor its help may import what only algorithms and charts need."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

HEAVY = ("pandas", "pyomo", "statsmodels", "scipy", "bokeh", "highspy", "numpy")
RUN_MAIN = """
import sys
sys.argv = ["flexmeasures", {arguments}]
from flexmeasures.cli import main
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
"""
COMMANDS = sorted(
    point.name for point in entry_points(group="flexmeasures.commands") if "." not in point.name
)


def _modules_after(code: str, tmp_path: Path) -> set[str]:
    """Top-level modules that are imported once the code has run in a process of its own."""
    listing = "\nimport sys\nprint('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "FLEXMEASURES_INSTANCE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code + listing], capture_output=True, text=True, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES")[2].split())


def test_importing_flexmeasures_imports_next_to_nothing(tmp_path: Path) -> None:
    assert _modules_after("import flexmeasures", tmp_path) & {*HEAVY, "flask", "sqlalchemy", "click"} == set()


def test_help_imports_neither_heavy_libraries_nor_the_web_nor_the_database(tmp_path: Path) -> None:
    modules = _modules_after(RUN_MAIN.format(arguments="'--help'"), tmp_path)
    assert modules & {*HEAVY, "flask", "sqlalchemy"} == set()
    assert "click" in modules


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_plugin_command_imports_no_heavy_library(command: str, tmp_path: Path) -> None:
    modules = _modules_after(RUN_MAIN.format(arguments=f"'{command}', '--help'"), tmp_path)
    assert modules & {*HEAVY, "sqlalchemy"} == set()


def test_an_app_is_made_without_the_libraries_of_algorithms_and_charts(tmp_path: Path) -> None:
    modules = _modules_after(
        "from flexmeasures.app import create\ncreate('development', instance=" + repr(str(tmp_path)) + ")",
        tmp_path,
    )
    assert modules & {"pandas", "pyomo", "statsmodels", "scipy", "bokeh", "highspy", "lightgbm"} == set()
    assert "flask" in modules
