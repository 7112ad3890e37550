"""Every hook, setting, command and endpoint is documented, and the documentation works."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click
import pytest

from flexmeasures_algorithms import registry_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"


def test_generated_pages_are_what_the_code_says_now() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "generate.py"), "--check"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def _hooks(app: Any) -> dict[str, Any]:
    return {
        name: thing
        for module in app.extensions["flexmeasures"].plugins.specification_modules
        for name, thing in vars(module).items()
        if hasattr(thing, "flexmeasures_spec")
    }


def test_every_hook_is_documented_with_its_arguments(app: Any) -> None:
    page, hooks = (REFERENCE / "hooks.md").read_text(), _hooks(app)
    assert len(hooks) > 25
    for name, hook in hooks.items():
        documented = re.search(rf"^{name}\(([^)]*)\)", page, re.M)
        assert documented is not None, name
        assert re.findall(r"(\w+):", documented[1]) == list(inspect.signature(hook).parameters), name


def test_every_hook_says_first_when_it_is_called(app: Any) -> None:
    for name, hook in _hooks(app).items():
        assert str(inspect.getdoc(hook)).startswith("Called "), name


def test_the_hooks_of_packages_that_may_be_missing_are_known_by_name(app: Any) -> None:
    from flexmeasures.plugins.faults import BROUGHT_BY

    assert {
        name: hook.__module__.partition(".")[0].replace("_", "-")
        for name, hook in _hooks(app).items()
        if not hook.__module__.startswith("flexmeasures.")
    } == BROUGHT_BY


def test_every_setting_is_documented() -> None:
    from flexmeasures.config import SETTINGS

    headings = set(re.findall(r"^## `(\w+)`$", (REFERENCE / "settings.md").read_text(), re.M))
    assert {row.name for row in SETTINGS} - headings == set()


def test_every_setting_that_the_code_reads_is_documented() -> None:
    documented = set(re.findall(r"^## `(\w+)`$", (REFERENCE / "settings.md").read_text(), re.M))
    read: set[str] = set()
    for room in ("kernel", "plugins"):
        for file in (ROOT / room).rglob("*.py"):
            read |= set(re.findall(r"""config(?:\.get\(|\[)["'](FLEXMEASURES_\w+)["']""", file.read_text()))
    assert read
    assert read - documented == set()


def _commands(command: click.Command, path: str) -> Iterator[str]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _commands(child, f"{path} {name}")


def test_every_command_is_documented() -> None:
    from flexmeasures.cli import cli

    page = (REFERENCE / "commands.md").read_text()
    context = click.Context(cli, info_name="flexmeasures")
    names = {point.name for point in entry_points(group="flexmeasures.commands") if "." not in point.name}
    for name in sorted(names):
        command = cli.get_command(context, name)
        assert command is not None, name
        for path in _commands(command, f"flexmeasures {name}"):
            assert re.search(rf"^##+ `{re.escape(path)}[ `]", page, re.M), path


def test_everything_that_a_schedule_can_be_asked_is_documented() -> None:
    from flexmeasures_scheduling import MEANINGS

    page = (DOCS / "howto" / "schedules.md").read_text()
    assert [
        row for row in (f"| `{key}` | {text} |" for key, text in MEANINGS.items()) if row not in page
    ] == []


def test_every_endpoint_of_the_api_is_on_the_page_of_its_version(app: Any) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api"):
            version = re.match(r"/api/(v\d\w*)/", rule.rule)
            page = (REFERENCE / f"api{f'_{version[1]}' if version else ''}.md").read_text()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert f"\n### {method} {rule.rule}\n" in page, f"{method} {rule.rule}"


def test_every_page_of_the_documentation_can_be_reached() -> None:
    index = (DOCS / "index.md").read_text()
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    pages = {page for page in pages if not page.startswith("_build/")} - {"index"}
    assert {page for page in pages if not re.search(rf"^{re.escape(page)}$", index, re.M)} == set()


@pytest.mark.parametrize("path", sorted(path.relative_to(ROOT) for path in DOCS.rglob("*.md")), ids=str)
def test_json_in_the_documentation_is_valid(path: Path) -> None:
    for block in re.findall(r"```json\n(.*?)```", (ROOT / path).read_text(), re.S):
        json.loads(block)


def test_the_plugin_with_hooks_of_the_guide_loads_and_plans(tmp_path: Path) -> None:
    import numpy as np

    from flexmeasures.testing import make_app
    from flexmeasures_algorithms import SensorFacts
    from flexmeasures_scheduling import SchedulingProblem, Target

    code = next(
        block
        for block in re.findall(r"```python\n(.*?)```", (DOCS / "howto" / "plugin.md").read_text(), re.S)
        if "register_schedulers" in block
    )
    (tmp_path / "at_once").mkdir()
    (tmp_path / "at_once" / "__init__.py").write_text(code)
    app = make_app(tmp_path, FLEXMEASURES_PLUGIN_PATHS=[str(tmp_path / "at_once")])
    start = datetime(2026, 11, 22, tzinfo=UTC)
    problem = SchedulingProblem(
        asset=SensorFacts(
            id=1,
            name="car",
            kind="asset",
            type="one-way_evse",
            unit="MW",
            resolution=timedelta(hours=1),
            capacity_in_mw=0.01,
        ),
        start=start,
        resolution=timedelta(hours=1),
        prices=np.array([50.0, 40.0, 30.0]),
        price_unit="EUR/MWh",
        soc_at_start=0.0,
        targets=(Target(value=0.015, datetime=start + timedelta(hours=3)),),
    )
    with app.app_context():
        schedule = registry_of("scheduler").get("at-once")().compute(problem)
    assert schedule.values == pytest.approx([0.01, 0.005, 0.0])
    assert schedule.soc == pytest.approx([0.01, 0.015, 0.015])
    assert schedule.costs["energy"] == pytest.approx(0.7)


def test_the_guide_for_a_new_version_makes_one_that_is_listed_and_serves(tmp_path: Path) -> None:
    from flexmeasures.testing import make_app

    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "howto" / "new_api_version.md").read_text(), re.S)
    (tmp_path / "api_v2_1").mkdir()
    (tmp_path / "api_v2_1" / "__init__.py").write_text(code)
    app = make_app(tmp_path, FLEXMEASURES_PLUGIN_PATHS=[str(tmp_path / "api_v2_1")])
    client = app.test_client()
    assert client.get("/api/").json["versions"] == ["v1", "v1_1", "v1_2", "v1_3", "v2_0", "v2_1"]  # type: ignore[index]
    services = client.get("/api/v2_1/getService").json["services"]  # type: ignore[index]
    assert [service["name"] for service in services][-1] == "getAverage"
    assert client.get("/api/v2_1/getAverage").status_code == 401
    assert "/api/v2_1/getAverage" in client.get("/api/v2_1/openapi.json").json["paths"]  # type: ignore[index]
    assert client.get("/api/v2_1/docs").status_code == 200


GUIDES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.glob("*.md"), *(DOCS / "howto").glob("*.md")]
)
_IN_BLOCKS = re.compile(r"^(?:\$ |    )?(flexmeasures(?: .*)?)$", re.MULTILINE)
_IN_TEXT = re.compile(r"`(flexmeasures [^`]*)`")


def _lines_of_commands(text: str) -> Iterator[str]:
    """Commands of code blocks (lines that end with a backslash joined) and of running text."""
    for block in re.findall(r"^```(?:console|bash|sh|text)?\n(.*?)^```", text, re.M | re.S):
        yield from _IN_BLOCKS.findall(block.replace("\\\n", " "))
    yield from _IN_TEXT.findall(re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def _wrong_with(line: str) -> str:
    """What the real parsers say against the words of a command, of which values may be placeholders."""
    import shlex

    from flexmeasures.cli import cli

    words = shlex.split(line, comments=True)[1:]
    command: click.Command = cli
    context = click.Context(cli, info_name="flexmeasures")
    while isinstance(command, click.Group):
        while words and words[0].startswith("-"):
            known = {option for parameter in command.params for option in parameter.opts}
            if words[0] not in {*known, "--help"}:
                return f"no option {words[0]}"
            words = words[2 if words[0] == "--instance" else 1 :]
        if not words or not re.fullmatch(r"[a-z][a-z_-]*", words[0]):
            return ""  # it names a group, or is about any command
        found = command.get_command(context, words[0])
        if words[0] == "our_client":
            return ""  # the plugin that the guide writes
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
        context = click.Context(command, parent=context, info_name=command.name)
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    options = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    unknown = [option for option in options if option not in {*known, "--help"}]
    return f"no option {', '.join(unknown)} of {command.name}" if unknown else ""


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_every_command_of_a_guide_is_one_with_these_options(page: Path) -> None:
    wrong = {line: said for line in _lines_of_commands(page.read_text()) if (said := _wrong_with(line))}
    assert wrong == {}


def test_a_command_with_an_option_that_is_none_is_found() -> None:
    assert _wrong_with("flexmeasures add beliefs --sensor-id 2 --file x.csv") == "no option --file of beliefs"
    assert _wrong_with("flexmeasures ad beliefs") == "no command ad"
    assert _wrong_with("flexmeasures add beliefs x.csv --sensor-id 2 --source s") == ""
