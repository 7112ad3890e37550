"""What plugins cost: making the app with 50 of them, and the hooks of one in each request."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from time import process_time
from typing import Any

from common import process, row

NUMBER = 50
TRIVIAL = """
    from flask import Blueprint
    from flexmeasures import hookimpl

    NAME_bp = Blueprint("NAME", __name__)

    @NAME_bp.route("/NAME")
    def page():
        return "NAME"

    @hookimpl
    def template_context(page):
        return {"NAME": page}
    """
# One of every kind of function that runs in a request: four hooks, and two of the whole app.
BUSY = """
    from flask import Blueprint
    from flexmeasures import hookimpl

    NAME_bp = Blueprint("NAME", __name__)

    @NAME_bp.before_app_request
    def before():
        return None

    @NAME_bp.after_app_request
    def after(response):
        return response

    @hookimpl
    def authenticate(request):
        return None

    @hookimpl
    def template_context(page):
        return {"NAME": page}

    @hookimpl
    def menu_items(user):
        return []

    @hookimpl
    def choose_algorithm(kind, sensor):
        return None
    """


def measure(times: int = 5) -> list[dict[str, Any]]:
    """Start-up in fresh processes; requests to two apps in turns, one with and one without a plugin."""
    with TemporaryDirectory() as folder:
        return [_start_up(Path(folder), times), _hooks(Path(folder))]


def _write(folder: Path, name: str, code: str) -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(dedent(code).replace("NAME", name))
    return str(folder / name)


def _start_up(folder: Path, times: int) -> dict[str, Any]:
    paths = [_write(folder, f"trivial_{k}", TRIVIAL) for k in range(NUMBER)]
    make = "from flexmeasures.app import create; create('development')"
    taken = {}
    for name, used in (("with", paths), ("without", [])):
        instance = folder / name
        instance.mkdir()
        (instance / "flexmeasures.cfg").write_text(f"FLEXMEASURES_PLUGIN_PATHS = {used!r}\n")
        taken[name], _ = process([sys.executable, "-c", make], instance, times)
    return row(
        "startup_seconds_50_plugins",
        taken["with"],
        "s",
        against="with none, same run",
        than=taken["without"],
        size=NUMBER,
    )


def _hooks(folder: Path, requests: int = 200, rounds: int = 15) -> dict[str, Any]:
    from flexmeasures import auth
    from flexmeasures.runtime import runtime
    from flexmeasures.testing import make_app

    def client(name: str, paths: list[str]) -> Any:
        app = make_app(folder / f"hooks_{name}", FLEXMEASURES_PLUGIN_PATHS=paths)

        @app.get("/bench")
        def page() -> str:
            auth.current_user()
            runtime().ask("template_context", page="bench")
            runtime().ask("menu_items", user=None)
            runtime().first("choose_algorithm", kind="scheduler", sensor=None)
            return "done"

        return app.test_client()

    clients = {"with": client("with", [_write(folder, "busy", BUSY)]), "without": client("without", [])}
    taken: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, each in clients.items():
            begin = process_time()  # of the processor: other processes must not count as the hooks' cost
            for _ in range(requests):
                each.get("/bench")
            taken[name].append(process_time() - begin)
    micro = {name: statistics.median(values) / requests * 1e6 for name, values in taken.items()}
    return row(
        "hook_overhead_us_per_request",
        micro["with"] - micro["without"],
        "us",
        against=f"a request takes {micro['without']:.0f} us without",
        size=6,
    )
