"""What a plugin adds to the Flask app: names are claimed, what concerns every page is wrapped, all can be undone.

A Blueprint may add functions to the whole app (before_app_request, context processors, error handlers,
template filters ...). They run in everybody's requests, so one that raises is logged with the plugin's name
and skipped. An HTTPException of a before_app_request is an answer, as by abort(403), and stands.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from flexmeasures.errors import NameTaken, WrongAnswer
from flexmeasures.plugins.discovery import BUILT_IN, Plugin
from flexmeasures.plugins.manager import KERNEL, Plugins
from flexmeasures.runtime import FAILURES, leaving_the_session

# Where Flask keeps functions: attribute of the app, and what authors call it.
_BY_BLUEPRINT = {
    "before_request_funcs": "before_app_request",
    "after_request_funcs": "after_app_request",
    "teardown_request_funcs": "teardown_app_request",
    "template_context_processors": "app_context_processor",
    "url_value_preprocessors": "app_url_value_preprocessor",
    "url_default_functions": "app_url_defaults",
}
_PLAIN = {"teardown_appcontext_funcs": "teardown_appcontext", "shell_context_processors": "shell_context"}
_OF_TEMPLATES = {"filters": "template filter", "tests": "template test", "globals": "template global"}
_OWNED = ("/health", "/static/")


def claim_for_kernel(app: Flask, plugins: Plugins) -> None:
    """Keep what the app has before any plugin is asked: pages, blueprints, filters of templates."""
    for rule in app.url_map.iter_rules():
        for method in _methods(rule):
            plugins.claim("page", _page(method, rule), KERNEL)
    for name in app.blueprints:
        plugins.claim("blueprint", name, KERNEL)
    for attribute, kind in _OF_TEMPLATES.items():
        for name in getattr(app.jinja_env, attribute):
            plugins.claim(kind, name, KERNEL)


def register_blueprint(app: Flask, plugins: Plugins, plugin: Plugin, blueprint: Blueprint) -> None:
    """Register a Blueprint of a plugin, to be called within adding(); one that it replaces steps aside."""
    if app.blueprints.get(blueprint.name) is blueprint:
        return
    if plugins.claim("blueprint", blueprint.name, plugin) is not None:
        _step_aside(app, plugin, blueprint.name)
    app.register_blueprint(blueprint)


@contextmanager
def adding(app: Flask, plugins: Plugins, plugin: Plugin) -> Iterator[None]:
    """Whatever the block adds to the app belongs to the plugin; NameTaken for what others have."""
    before = _Photograph(app)
    try:
        yield
    finally:
        added = _Added(app, plugins, plugin, before)
        plugin.undo.append(added.take_away)
    added.claim()
    added.wrap()


class _Photograph:
    """What the app consists of at a moment."""

    def __init__(self, app: Flask) -> None:
        self.lists = {
            place: [id(function) for function in functions] for place, functions in _lists(app).items()
        }
        self.dicts = {place: dict(entries) for place, entries in _dicts(app).items()}
        self.rules = {id(rule) for rule in app.url_map.iter_rules()}


class _Added:
    """What one plugin has added since a photograph was taken."""

    def __init__(self, app: Flask, plugins: Plugins, plugin: Plugin, before: _Photograph) -> None:
        self.app, self.plugins, self.plugin = app, plugins, plugin
        self.functions = [
            (place, functions, function)
            for place, functions in _lists(app).items()
            for function in functions
            if id(function) not in before.lists.get(place, ())
        ]
        self.entries = [
            (place, entries, key, before.dicts.get(place, {}).get(key), thing)
            for place, entries in _dicts(app).items()
            for key, thing in entries.items()
            if before.dicts.get(place, {}).get(key) is not thing
        ]
        self.rules = [rule for rule in app.url_map.iter_rules() if id(rule) not in before.rules]
        self.own = {key for (kind, _), _, key, _, _ in self.entries if kind == "blueprints"}

    def claim(self) -> None:
        """Give the plugin the names of what it added."""
        for (kind, _), _, key, earlier, _ in self.entries:
            if kind in _OF_TEMPLATES:
                self.plugins.claim(_OF_TEMPLATES[kind], key, self.plugin)
            elif kind == "commands":
                self.plugins.claim("command", key.replace("_", "-"), self.plugin, also=[key])
            elif kind == "blueprints":
                self.plugins.claim("blueprint", key, self.plugin)
            elif kind == "view_functions" and earlier is not None and key.rpartition(".")[0] not in self.own:
                raise NameTaken(f"The endpoint {key!r}, which plugin {self.plugin.name} sets, is taken.")
        for rule in self.rules:
            if rule.rule.startswith(_OWNED):
                raise NameTaken(f"The page {rule.rule} of plugin {self.plugin.name} is the kernel's.")
            for method in _methods(rule):
                if self.plugins.claim("page", _page(method, rule), self.plugin, also=[rule.rule]) is not None:
                    self._take_over(method, rule)

    def wrap(self) -> None:
        """Put what concerns other pages than the plugin's own behind a guard."""
        for k, ((kind, scope), functions, function) in enumerate(self.functions):
            if scope not in self.own:
                guarded = self._guarded(kind, function)
                functions[:] = [guarded if each is function else each for each in functions]
                self.functions[k] = ((kind, scope), functions, guarded)
        for k, ((kind, scope), entries, key, earlier, thing) in enumerate(self.entries):
            if kind == "error_handlers" and scope[0] not in self.own:
                guarded = self._error_handler(thing, earlier)
            elif kind in _OF_TEMPLATES and inspect.isroutine(thing):
                guarded = self._of_template(kind, thing)
            else:
                continue
            entries[key] = guarded
            self.entries[k] = ((kind, scope), entries, key, earlier, guarded)

    def take_away(self) -> None:
        """Undo all of it."""
        for _, functions, function in self.functions:
            functions[:] = [each for each in functions if each is not function]
        for _, entries, key, earlier, thing in self.entries:
            if entries.get(key) is thing:
                if earlier is None:
                    del entries[key]
                else:
                    entries[key] = earlier
        for rule in self.rules:
            _silence(rule)

    def _take_over(self, method: str, rule: Rule) -> None:
        """The page of another plugin answers this method no more; matching then passes it over."""
        taken = {"GET", "HEAD"} if method == "GET" else {method}
        for other in self.app.url_map.iter_rules():
            if _page(method, other) == _page(method, rule) and all(other is not own for own in self.rules):
                methods, kept = other.methods or set(), set(other.methods or ())
                methods -= taken
                self.plugin.undo.append(functools.partial(methods.update, kept))

    def _guarded(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        app, plugins, name, built_in = self.app, self.plugins, self.plugin.name, self.plugin.kind == BUILT_IN
        hook = (_BY_BLUEPRINT | _PLAIN)[kind]
        call = app.ensure_sync(function)

        @functools.wraps(function)
        def guarded(*args: Any) -> Any:
            try:
                with leaving_the_session(built_in):
                    answer = _fitting(app, kind, call(*args))
                if kind == "template_context_processors":
                    _note_or_refuse_names(app, built_in, answer)
            except FAILURES as error:
                if isinstance(error, HTTPException) and kind == "before_request_funcs":
                    raise
                plugins.note_failure(name, hook, error, "it is skipped")
                return args[0] if kind == "after_request_funcs" else {} if "context_" in kind else None
            plugins.note_success(name, hook)
            return answer

        return guarded

    def _error_handler(self, handler: Callable[..., Any], earlier: Any) -> Callable[..., Any]:
        app, plugins, name = self.app, self.plugins, self.plugin.name

        @functools.wraps(handler)
        def guarded(error: Any) -> Any:
            try:
                answer = app.make_response(app.ensure_sync(handler)(error))
            except FAILURES as failure:
                plugins.note_failure(name, "app_errorhandler", failure, "the error is answered without it")
                general = HTTPException if isinstance(error, HTTPException) else Exception
                return (earlier or app.error_handler_spec[None][None][general])(error)
            plugins.note_success(name, "app_errorhandler")
            return answer

        return guarded

    def _of_template(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        plugins, name = self.plugins, self.plugin.name

        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except FAILURES as error:
                plugins.note_failure(name, _OF_TEMPLATES[kind], error, "the page is shown without it")
                given = args[1:] if hasattr(function, "jinja_pass_arg") else args
                return {"filters": given[0] if given else "", "tests": False, "globals": ""}[kind]

        return guarded


def _note_or_refuse_names(app: Flask, built_in: bool, context: dict[str, Any]) -> None:
    hub = app.extensions["flexmeasures"]
    if built_in:
        hub.context_names |= context.keys()
    else:
        hub.refuse_taken_variables(context)


def _fitting(app: Flask, kind: str, answer: Any) -> Any:
    """The answer of an app-wide function, as Flask can use it; WrongAnswer or another error if it cannot."""
    if kind == "before_request_funcs":
        return None if answer is None else app.make_response(answer)
    if kind == "after_request_funcs" and not isinstance(answer, app.response_class):
        raise WrongAnswer(f"it gives {answer!r:.80}, not the response")
    if kind in ("template_context_processors", "shell_context_processors"):
        if not isinstance(answer, dict):
            raise WrongAnswer(f"it gives {answer!r:.80}, not a dict")
        return answer
    return answer if kind == "after_request_funcs" else None


def _step_aside(app: Flask, plugin: Plugin, name: str) -> None:
    """Take a Blueprint out of the app, because the plugin replaces it; it comes back if that is withdrawn."""

    def is_of_it(key: Any) -> bool:
        return key == name or str(key).startswith(f"{name}.")

    places: list[MutableMapping[Any, Any]] = [app.blueprints, app.view_functions, app.error_handler_spec]
    places += [getattr(app, attribute) for attribute in _BY_BLUEPRINT]
    for place in places:
        old = {key: place.pop(key) for key in list(place) if is_of_it(key)}
        plugin.undo.append(functools.partial(place.update, old))
    for rule in app.url_map.iter_rules():
        if is_of_it(rule.endpoint):
            kept = set(rule.methods or ())
            _silence(rule)
            plugin.undo.append(functools.partial((rule.methods or set()).update, kept))


def _silence(rule: Rule) -> None:
    """Let a rule match no request; Werkzeug cannot take one out of its map."""
    if rule.methods is not None:
        rule.methods.clear()


def _methods(rule: Rule) -> set[str]:
    return (rule.methods or set()) - {"HEAD", "OPTIONS"}


def _page(method: str, rule: Rule) -> str:
    """Method and address, where the names of variables make no difference."""
    return method + " " + re.sub(r"<(?:([^:<>]*):)?[^<>]+>", r"<\1>", rule.rule)


def _lists(app: Flask) -> dict[tuple[str, Any], list[Any]]:
    """All lists of functions by (attribute, blueprint or None)."""
    found = {(attribute, None): getattr(app, attribute) for attribute in _PLAIN}
    for attribute in _BY_BLUEPRINT:
        found |= {(attribute, scope): functions for scope, functions in getattr(app, attribute).items()}
    return found


def _dicts(app: Flask) -> dict[tuple[str, Any], MutableMapping[Any, Any]]:
    """All things with names, by (kind, blueprint or what else tells the place)."""
    found: dict[tuple[str, Any], MutableMapping[Any, Any]] = {
        ("blueprints", ""): app.blueprints,
        ("view_functions", ""): app.view_functions,
        ("commands", ""): app.cli.commands,
    }
    found |= {(attribute, ""): getattr(app.jinja_env, attribute) for attribute in _OF_TEMPLATES}
    for scope, by_code in app.error_handler_spec.items():
        found |= {("error_handlers", (scope, code)): handlers for code, handlers in by_code.items()}
    return found
