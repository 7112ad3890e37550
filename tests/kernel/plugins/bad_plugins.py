"""Plugins that are broken: twelve by hand, and any number by a seeded generator."""

from __future__ import annotations

import random
import textwrap
from dataclasses import dataclass
from pathlib import Path

GOOD = """
from flask import Blueprint
from flexmeasures import hookimpl
NAME_bp = Blueprint("NAME", __name__)

@NAME_bp.route("/NAME")
def page():
    return "I am NAME"

@hookimpl
def template_context(page):
    return {"NAME": 1}
"""


@dataclass(frozen=True)
class Bad:
    """Code of a plugin called NAME, the state that it gets, and what its reason says.

    fails_in: where `/health` and `plugins check` show it, for one that loads but raises in requests.
    """

    code: str
    state: str = "broken"
    reason: str = ""
    fails_in: str = ""

    def write(self, folder: Path, name: str) -> str:
        """Make the plugin's folder; gives its path."""
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(textwrap.dedent(self.code).replace("NAME", name))
        return str(folder / name)


def _with(code: str, good: str = GOOD) -> str:
    return good + textwrap.dedent(code)


TWELVE = {
    "syntax_error": Bad(_with("def ("), reason="SyntaxError"),
    "missing_dependency": Bad(_with("import no_such_package"), reason="no_such_package"),
    "raising_hook": Bad(
        _with("@hookimpl\ndef register_schedulers():\n    raise ValueError('no plan')"),
        reason="ValueError: no plan",
    ),
    "unknown_hook": Bad(
        _with("@hookimpl\ndef menu_itms(user):\n    return []"), reason="did you mean menu_items?"
    ),
    "clashing_blueprint": Bad(
        _with("", GOOD.replace('Blueprint("NAME"', 'Blueprint("ui"')), reason="plugin ui"
    ),
    "clashing_command": Bad(
        _with('import click\nNAME_bp.cli_group = None\n@NAME_bp.cli.command("add")\ndef add(): pass'),
        reason="the kernel's",
    ),
    "wrong_version": Bad(_with("__requires_flexmeasures__ = '>=9999'"), "incompatible", ">=9999"),
    "neither": Bad("x = 1", reason="neither a hook"),
    "exits": Bad(_with("import sys\nsys.exit(3)"), reason="SystemExit"),
    "bad_settings": Bad(
        _with("@hookimpl\ndef register_settings():\n    return [('NAME_SIZE', 3)]"),
        reason="a list of Setting",
    ),
    "wrong_models": Bad(
        _with(
            """
            from flexmeasures.db import plugin_base
            from sqlalchemy.orm import Mapped, mapped_column, relationship
            class Thing(plugin_base("NAME")):
                __tablename__ = "NAME_thing"
                id: Mapped[int] = mapped_column(primary_key=True)
                others: Mapped[list["Nothing"]] = relationship()
            """
        ),
        reason="Nothing",
    ),
    "raising_before_request": Bad(
        _with("@NAME_bp.before_app_request\ndef look():\n    raise ValueError('not today')"),
        state="active",
        fails_in="before_app_request",
    ),
}

# Parts of which broken plugins are put together: code at the top, the state, a word of the reason.
_FAULTS = [
    ("raise RuntimeError('RANDOM')", "broken", "RANDOM"),
    ("1 / 0", "broken", "ZeroDivisionError"),
    ("class (", "broken", "SyntaxError"),
    ("import nothing_RANDOM", "broken", "nothing_RANDOM"),
    ("from flexmeasures import nothing_RANDOM", "broken", "nothing_RANDOM"),
    ("import sys; sys.exit('RANDOM')", "broken", "SystemExit"),
    ("def again(): again()\nagain()", "broken", "RecursionError"),
    ("raise GeneratorExit", "broken", "GeneratorExit"),
    ("class E(Exception):\n    def __str__(self): raise E\nraise E", "broken", "cannot be made"),
    ("__requires_flexmeasures__ = '<RANDOM'", "incompatible", "asks for"),
    ("__requires_flexmeasures__ = 'new'", "broken", "no version range"),
    ("__requires_flexmeasures__ = 7", "broken", "no version range"),
    ("__replaces__ = 5", "broken", "no list of names"),
    ("__settings__ = 5", "broken", "TypeError"),
    ("@hookimpl\ndef nothing_RANDOM(): pass", "broken", "unknown hook"),
    ("@hookimpl\ndef health(RANDOM_x=1, *, nothing): pass".replace("RANDOM_x", "x"), "broken", "keyword"),
    ("@hookimpl\ndef home(users): pass", "broken", "did you mean user"),
    ("@hookimpl\nasync def home(user): pass", "broken", "async"),
    ("@hookimpl(wrapper=True)\ndef home(user): yield", "broken", "wrapper"),
    ("@hookimpl\ndef register_blueprints(app): app.nothing()", "broken", "AttributeError"),
    ("@hookimpl\ndef register_queues(): return RANDOM", "broken", "a list of names"),
    ("@hookimpl\ndef register_queues(): return ['scheduling']", "broken", "the kernel's"),
    ("@hookimpl\ndef register_jobs(): return {'schedule': print}", "broken", "brought by plugin scheduling"),
    ("@hookimpl\ndef register_schedulers(): return [object]", "broken", "Scheduler"),
    ("@hookimpl\ndef register_forecasters(): return 'RANDOM'", "broken", "Forecaster"),
    ("@hookimpl\ndef register_migrations(): return RANDOM", "broken", "a path"),
    (
        "from flexmeasures.db import Base\nclass T(Base):\n    __tablename__ = 'sensor'",
        "broken",
        "plugin_base",
    ),
    (
        "from flexmeasures.models import Sensor\nclass T(Sensor):\n    __mapper_args__ = {}",
        "broken",
        "plugin_base",
    ),
    ("@NAME_bp.route('/login')\ndef login(): return ''", "broken", "the kernel's"),
    ("@NAME_bp.route('/health')\ndef health_(): return ''", "broken", "the kernel's"),
    ("@NAME_bp.route('/assets/<int:any>')\ndef theirs(any): return ''", "broken", "plugin ui"),
    ("@NAME_bp.app_template_filter('upper')\ndef upper(x): return x", "broken", "the kernel's"),
    ("@NAME_bp.record\ndef late(state): raise KeyError('RANDOM')", "broken", "RANDOM"),
    ("@NAME_bp.cli.command('x')\ndef x(): pass\nNAME_bp.cli_group = 'users'", "broken", "the kernel's"),
    ("@NAME_bp.before_app_request\ndef b(): return RANDOM", "active", "before_app_request"),
    ("@NAME_bp.before_app_request\ndef b(): import sys; sys.exit()", "active", "before_app_request"),
    ("@NAME_bp.after_app_request\ndef a(response): return None", "active", "after_app_request"),
    ("@NAME_bp.teardown_app_request\ndef t(error): raise OSError", "active", "teardown_app_request"),
    ("@NAME_bp.app_context_processor\ndef c(): return RANDOM", "active", "app_context_processor"),
    ("@NAME_bp.app_errorhandler(404)\ndef e(error): return 1 / 0", "active", "app_errorhandler"),
    ("@NAME_bp.app_url_value_preprocessor\ndef p(endpoint): pass", "active", "app_url_value_preprocessor"),
    ("@NAME_bp.app_url_defaults\ndef d(endpoint, values): raise OSError", "active", "app_url_defaults"),
    ("@hookimpl\ndef menu_items(user): return RANDOM", "active", "menu_items"),
    ("@hookimpl\ndef menu_items(user): return ['RANDOM']", "active", "menu_items"),
    ("@hookimpl\ndef health(): return {'ok': True}", "active", "health"),
    ("@hookimpl\ndef render_error(error): return RANDOM", "active", "render_error"),
    ("@hookimpl\ndef render_api_error(error): raise OSError", "active", "render_api_error"),
]


def generate(number: int, seed: int) -> dict[str, Bad]:
    """So many broken plugins by name, the same for the same seed."""
    chance = random.Random(seed)
    made = {}
    for k in range(number):
        name = f"random_{seed}_{k}"
        fault, state, word = _FAULTS[k] if k < len(_FAULTS) else chance.choice(_FAULTS)
        harmless = chance.choice(["", "import os, json", "SIZE = 3", "@hookimpl\ndef home(user): pass"])
        if "def home" in fault and "def home" in harmless:
            harmless = ""
        figure = str(chance.randint(3, 999))
        code = _with(f"{harmless}\n{fault}\n".replace("RANDOM", figure))
        is_active = state == "active"
        made[name] = Bad(
            code, state, "" if is_active else word.replace("RANDOM", figure), word if is_active else ""
        )
    order = list(made)
    chance.shuffle(order)
    return {name: made[name] for name in order}
