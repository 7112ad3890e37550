"""What each hook may answer. A wrong answer counts as a failure of the plugin, where it is given and not later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flexmeasures.algorithms import Forecaster, Scheduler
from flexmeasures.config import Setting
from flexmeasures.hookspecs import ApiVersion, Health, MenuItem, RecurringJob


class WrongAnswer(TypeError):
    """A hook answers something else than its specification says."""


def _a_list(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda answer: isinstance(answer, list | tuple) and all(map(fits, answer))


def _a(*kinds: type) -> Callable[[Any], bool]:
    return lambda thing: isinstance(thing, kinds)


def _a_class(kind: type) -> Callable[[Any], bool]:
    return lambda thing: (
        isinstance(thing, type)
        and issubclass(thing, kind)
        and isinstance(getattr(thing, "name", None), str)
        and not getattr(thing, "__abstractmethods__", None)
    )


def _is_blueprint(thing: Any) -> bool:
    from flask import Blueprint

    return isinstance(thing, Blueprint)


def _is_job_functions(answer: Any) -> bool:
    return isinstance(answer, dict) and all(
        isinstance(name, str) and callable(function) for name, function in answer.items()
    )


def _is_context(answer: Any) -> bool:
    return isinstance(answer, dict) and all(isinstance(name, str) for name in answer)


_ACCEPTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "register_settings": ("a list of Setting", _a_list(_a(Setting))),
    "register_blueprints": ("a list of Blueprint", _a_list(_is_blueprint)),
    "register_api_versions": ("a list of ApiVersion", _a_list(_a(ApiVersion))),
    "register_schedulers": (
        "a list of classes of Scheduler with a name and all methods",
        _a_list(_a_class(Scheduler)),
    ),
    "register_forecasters": (
        "a list of classes of Forecaster with a name and all methods",
        _a_list(_a_class(Forecaster)),
    ),
    "register_queues": ("a list of names", _a_list(_a(str))),
    "register_recurring_jobs": ("a list of RecurringJob", _a_list(_a(RecurringJob))),
    "register_jobs": ("a dict of functions by name", _is_job_functions),
    "register_migrations": ("a path", _a(Path, str)),
    "choose_algorithm": ("a name", _a(str)),
    "may": ("True, False or None", _a(bool)),
    "menu_items": ("a list of MenuItem", _a_list(_a(MenuItem))),
    "template_context": ("a dict of variables by name", _is_context),
    "draw_power_chart": ("a dict", _a(dict)),
    "health": ("a Health", _a(Health)),
}


def checked(hook: str, answer: Any) -> Any:
    """The answer; WrongAnswer, telling what is accepted, when it is of another kind."""
    accepted, fits = _ACCEPTED.get(hook, ("", None))
    if answer is not None and fits is not None and not fits(answer):
        raise WrongAnswer(f"hook {hook} answers {answer!r:.80}. Accepted: {accepted}.")
    return answer
