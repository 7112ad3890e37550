"""The kernel alone, installed without any package of this repository, is a server that runs jobs; packages add to it.

An environment is made of what the distributions ask for, as an installer would, by links to what is installed here.
"""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import signal
import socket
import subprocess
import time
import tomllib
import urllib.error
import urllib.request
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
NOT_FOR_THE_KERNEL = (
    "redis",
    "rq",
    "rich",
    "highspy",
    "pyomo",
    "statsmodels",
    "bokeh",
    "pandas",
    "scipy",
    "lightgbm",
)
WAITS = 30.0  # seconds, for a server or a job that does not come
PLUGIN = """
from flexmeasures import hookimpl

@hookimpl
def register_jobs():
    from flexmeasures.jobs import Outcome

    return {"our_job.add": lambda job: Outcome(result={"sum": job.arguments["a"] + 1})}
"""
ASK = """
import json, sys, time
from sqlalchemy import select
from flexmeasures import beliefs, jobs, sources
from flexmeasures.app import create
from flexmeasures.db import db, writing
from flexmeasures.models import Job, Sensor
from datetime import datetime, timedelta, UTC

app, start, hour = create(), datetime(2026, 3, 1, tzinfo=UTC), timedelta(hours=1)
with app.app_context():
    with writing() as session:
        sensor = Sensor(name="a meter", unit="kW", event_resolution=hour)
        session.add(sensor)
        session.flush()
        source = sources.get_source("a meter", "user")
        beliefs.store(sensor, [1.0, 2.0], start, hour, source, horizon=timedelta(0))
        jobs.enqueue("our_job.add", {"a": 41}, queue="scheduling")
    known = beliefs.search_one(sensor, start, start + 2 * hour).values.tolist()
    until = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < until:
        with db.engine.connect() as connection:
            state, result, error = connection.execute(select(Job.state, Job.result, Job.error)).one()
        if state in ("finished", "failed"):
            break
        time.sleep(0.05)
    print(json.dumps({"beliefs": known, "state": state, "result": result, "error": error}))
"""


# The packages that bring data from a service, and what they bring.
PROVIDERS = {
    "darksky": "DarkSky",
    "openmeteo": "Open-Meteo",
    "entsoe": "ENTSO-E",
    "energy_charts": "Energy-Charts",
    "tariffs": "tariff",
}
ASK_PROVIDERS = """
import json
from flexmeasures.app import create

app = create()
plugins = app.extensions["flexmeasures"].plugins
print(json.dumps({
    "states": {str(each.name): each.state for each in plugins.plugins},
    "providers": [
        name for hook in ("register_weather_providers", "register_price_providers") for name in app.extensions[hook]
    ],
    "pages": [app.test_client().get(path).status_code for path in ("/health", "/login", "/api/v2_0/docs")],
}))
"""


class Environment:
    """A Python environment with some distributions, and what these ask for; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.EnvBuilder(symlinks=True).create(folder)
        [self.site] = folder.glob("lib/python*/site-packages")
        self._there: set[str] = set()
        self.command = folder / "bin" / "flexmeasures"
        self.command.write_text(f"#!{folder}/bin/python\nfrom flexmeasures.cli import main\nmain()\n")
        self.command.chmod(0o755)

    def install(self, name: str, extras: frozenset[str] = frozenset()) -> None:
        """Link a distribution and all that it asks for."""
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in self._there and not extras:
            return
        self._there.add(name)
        distribution = metadata.distribution(name)
        for top, path in self._tops(name, distribution).items():
            if not (self.site / top).exists():
                (self.site / top).symlink_to(path)
        for line in distribution.requires or ():
            need = Requirement(line)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                self.install(need.name, frozenset(need.extras))

    def _tops(self, name: str, distribution: metadata.Distribution) -> dict[str, Path]:
        info = Path(str(distribution._path))  # type: ignore[attr-defined]
        if name.startswith("flexmeasures"):
            package = name.replace("-", "_")
            plugin = ROOT / "plugins" / package.removeprefix("flexmeasures_")
            return {
                info.name: info,
                package: (ROOT / "kernel" if name == "flexmeasures" else plugin) / package,
            }
        base = Path(str(distribution.locate_file("")))
        tops = {Path(file).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}
        return {top: base / top for top in tops}

    def python(self, code: str, *words: str, **environ: str) -> str:
        """What code prints in this environment."""
        return self._run([str(self.folder / "bin" / "python"), "-c", code, *words], environ)

    def flexmeasures(self, *words: str, typed: str = "", **environ: str) -> str:
        """What a command prints in this environment."""
        return self._run([str(self.command), *words], environ, typed)

    def _run(self, command: list[str], environ: dict[str, str], typed: str = "") -> str:
        done = subprocess.run(
            command, env=self.environ(environ), input=typed, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def environ(self, more: dict[str, str]) -> dict[str, str]:
        """That of the tests without settings, and the instance of this environment."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FLEXMEASURES", "PYTHON"))
        }
        return kept | {"FLEXMEASURES_INSTANCE": str(self.folder / "instance")} | more


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with the kernel."""
    environment = Environment(tmp_path_factory.mktemp("alone") / "environment")
    environment.install("flexmeasures")
    return environment


@pytest.fixture
def server(alone: Environment, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """`server("/health")` gives the answer of the running kernel; a plugin from a path brings a job."""
    folder = tmp_path / "our_job"
    folder.mkdir()
    (folder / "__init__.py").write_text(PLUGIN)
    alone.flexmeasures("db", "upgrade")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = alone.environ({"FLEXMEASURES_PLUGIN_PATHS": str(folder)})
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [alone.command, "run", "--port", str(port)], env=environ, stdout=log, stderr=log
        )

    def get(path: str) -> Any:
        until = time.monotonic() + WAITS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                    return answer.read().decode()
            except urllib.error.URLError:
                assert time.monotonic() < until, (tmp_path / "log").read_text()
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)

    get.environ = environ  # type: ignore[attr-defined]
    try:
        yield get
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_the_kernel_alone_brings_no_solver_no_charts_and_no_redis(alone: Environment) -> None:
    found = alone.python(
        "import importlib.util, sys; print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])",
        *NOT_FOR_THE_KERNEL,
    )
    assert found == "[]\n"


def test_the_kernel_alone_serves_and_runs_the_job_of_a_plugin_from_a_path(
    alone: Environment, server: Any
) -> None:
    assert json.loads(server("/health"))["status"] == "ok"
    assert "Log" in server("/login")
    secret = "a-secret-of-ada\n"
    added = alone.flexmeasures(
        *("add", "user", "--username", "ada", "--email", "ada@example.com", "--roles", "admin"),
        typed=2 * secret,
    )
    assert "Added user ada" in added
    told = json.loads(
        alone.python(ASK, str(WAITS), FLEXMEASURES_PLUGIN_PATHS=server.environ["FLEXMEASURES_PLUGIN_PATHS"])
    )
    assert told == {"beliefs": [1.0, 2.0], "state": "finished", "result": {"sum": 42}, "error": None}


def test_commands_and_plugins_appear_with_each_package_that_is_added(alone: Environment) -> None:
    """In the order in which packages need each other."""
    waiting = {
        path.parent.name: tomllib.loads(path.read_text()) for path in ROOT.glob("plugins/*/pyproject.toml")
    }
    ours = {found["project"]["name"]: name for name, found in waiting.items()}
    added: set[str] = set()
    before = alone.flexmeasures("add", "--help")
    assert "user" in before
    assert "forecasts" not in before
    while waiting:
        ready = [
            name
            for name, found in sorted(waiting.items())
            if {re.split(r"[<>=]", need)[0] for need in found["project"]["dependencies"]} & ours.keys()
            <= {package for package, other in ours.items() if other in added}
        ]
        assert ready, f"{sorted(waiting)} need each other"
        for name in ready:
            alone.install(waiting[name]["project"]["name"])
        listed = alone.flexmeasures("plugins", "list")
        for name in ready:
            points = waiting.pop(name)["project"].get("entry-points", {})
            added.add(name)
            for plugin in points.get("flexmeasures.builtin_plugins", {}):
                assert re.search(rf"^{plugin} +\S+ +active ", listed, re.MULTILINE), listed
            for command in points.get("flexmeasures.commands", {}):
                group, _, leaf = command.rpartition(".")
                assert leaf in alone.flexmeasures(*([group] if group else []), "--help"), command


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with all packages but the demonstration, which needs two of the providers."""
    environment = Environment(tmp_path_factory.mktemp("complete") / "environment")
    for path in ROOT.glob("plugins/*/pyproject.toml"):
        if path.parent.name != "demo":
            environment.install(tomllib.loads(path.read_text())["project"]["name"])
    environment.flexmeasures("db", "upgrade")
    return environment


@pytest.mark.parametrize("name", PROVIDERS)
def test_without_any_one_provider_all_others_stand(complete: Environment, name: str) -> None:
    links = list(complete.site.glob(f"flexmeasures_{name}*"))
    targets = {link: link.readlink() for link in links}
    assert len(links) == 2
    try:
        for link in links:
            link.unlink()
        told = json.loads(complete.python(ASK_PROVIDERS))
        assert name not in told["states"]
        assert set(told["states"].values()) == {"active"}
        assert (PROVIDERS.keys() - {name}) <= told["states"].keys()
        assert set(told["providers"]) == set(PROVIDERS.values()) - {PROVIDERS[name], "tariff"}
        assert told["pages"] == [200, 200, 200]
        assert "prices" in complete.flexmeasures("add", "--help")
    finally:
        for link, target in targets.items():
            link.symlink_to(target)
