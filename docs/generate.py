"""Write the reference pages of settings, hooks, commands, endpoints, errors and Python from the code itself.

`python docs/generate.py` writes them; with --check it only says which ones are stale, and exits with 1 if any
is. The pages are committed, and tests/house holds them to what this makes of the code.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
import generate_api
import generate_python
from wording import NOTE, prose, table

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.config import Setting

REFERENCE = Path(__file__).parent / "reference"


# -- settings ------------------------------------------------------------------------------------------


def settings_page(app: Flask) -> str:
    """Every setting of the kernel and of the plugins."""
    hub = app.extensions["flexmeasures"]
    from flexmeasures.config import SETTINGS

    text = (
        "# Settings\n\n" + NOTE + "`flexmeasures settings` shows what is in force and where each value"
        " comes from. Later places win:\n"
        "the default, the configuration file, `.env` in the instance folder, environment variables of the same"
        " names, arguments.\n"
        "*Documented* is the default that the user's documentation gives, *here* what holds when nothing is"
        " set and that differs.\n\n"
    )
    text += "".join(_setting(row) for row in SETTINGS)
    for plugin, rows in hub.plugins.asked("register_settings"):
        text += "".join(_setting(row, f"Brought by the plugin `{plugin.name}`.") for row in rows)
    return text


def _setting(row: Setting, remark: str = "") -> str:
    lines = [f"- type: {'anything' if row.type is object else f'`{row.type.__name__}`'}"]
    lines.append(f"- {'documented' if row.deviation else 'default'}: `{_shown(row.default)}`")
    if row.deviation:
        lines.append(f"- here: {prose(row.deviation)}")
    if row.choices:
        lines.append(f"- accepted: {', '.join(f'`{choice!r}`' for choice in row.choices)}")
    if row.chapter:
        lines.append(f"- chapter of the user's documentation: {row.chapter}")
    return f"## `{row.name}`\n\n{prose(f'{row.help} {remark}'.strip())}\n\n" + "\n".join(lines) + "\n\n"


def _shown(default: Any) -> str:
    from datetime import timedelta

    from flexmeasures.timing import iso_duration

    return iso_duration(default) if isinstance(default, timedelta) else repr(default)


# -- hooks ---------------------------------------------------------------------------------------------


def hooks_page(app: Flask) -> str:
    """Every hook with its signature, and the dataclasses that hooks give and take."""
    from flexmeasures import hookspecs

    text = (
        "# Hooks\n\n" + NOTE + "A plugin implements any of these as a function marked with"
        " `flexmeasures.hookimpl`; it takes the arguments that it needs, by name.\n"
        "*All*: every plugin is asked and the answers are joined. *First*: the first answer that is not"
        " `None` wins. Plugins from paths are asked first, then packages, then those of this repository.\n"
        "How a plugin is made is told in {doc}`../howto/plugin`.\n\n"
    )
    makers = _makers(app)
    modules = app.extensions["flexmeasures"].plugins.specification_modules
    text += "".join(_hooks_of(module, makers) for module in modules)
    text += "## What hooks give and take\n\nAll of them are in `flexmeasures.hookspecs`.\n\n"
    return text + "".join(_dataclass(thing) for thing in _dataclasses(hookspecs))


def _hooks_of(module: ModuleType, makers: dict[str, list[str]]) -> str:
    """The hooks that one module specifies."""
    package = module.__name__.partition(".")[0]
    text = ""
    if package != "flexmeasures":
        text = f"## {str(module.__doc__).rstrip('.')}\n\nSpecified by the package `{package.replace('_', '-')}`.\n\n"
    for line, name in _titles_and_hooks(Path(str(module.__file__))):
        if name is None:
            text += f"## {line[0].upper()}{line[1:]}\n\n"
            continue
        hook = getattr(module, name)
        kind = "first" if hook.flexmeasures_spec["firstresult"] else "all"
        brought = (
            f"Implemented here by {', '.join(f'`{maker}`' for maker in makers[name])}."
            if makers[name]
            else ""
        )
        text += (
            f"### `{name}`\n\n```python\n{name}{_signature(hook)}\n```\n\n"
            f"*{kind.capitalize()}.* {prose(hook.__doc__)}\n\n{brought}\n\n"
        )
    return text


def _titles_and_hooks(source: Path) -> Iterator[tuple[str, str | None]]:
    """(title, None) for a comment that begins a part of hookspecs.py, ("", name) for a hook, in order."""
    code = source.read_text()
    hooks = {
        node.lineno: node.name
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef)
        and any("hookspec" in ast.unparse(d) for d in node.decorator_list)
    }
    for number, line in enumerate(code.splitlines(), start=1):
        title = re.match(r"# -- (.+?) -+$", line)
        if title:
            yield title[1], None
        if number in hooks:
            yield "", hooks[number]


def _signature(function: Callable[..., Any]) -> str:
    """The signature as the code spells it (annotations are text already)."""
    return re.sub(r"(?<=[:>] )'([^']*)'", r"\1", str(inspect.signature(function)))


def _makers(app: Flask) -> dict[str, list[str]]:
    """Plugins of this repository that implement a hook, by hook."""
    plugins = app.extensions["flexmeasures"].plugins
    manager = plugins.manager
    names = [
        name
        for module in plugins.specification_modules
        for name, thing in vars(module).items()
        if hasattr(thing, "flexmeasures_spec")
    ]
    return {
        name: sorted(found.plugin_name for found in getattr(manager.hook, name).get_hookimpls())
        for name in names
    }


def _dataclasses(module: Any) -> list[type[Any]]:
    own = [thing for thing in vars(module).values() if getattr(thing, "__module__", "") == module.__name__]
    return [thing for thing in own if isinstance(thing, type) and dataclasses.is_dataclass(thing)]


def _dataclass(thing: type[Any]) -> str:
    fields = [f"    {field.name}: {field.type}{_default(field)}" for field in dataclasses.fields(thing)]
    code = "\n".join([f"class {thing.__name__}:", *fields])
    return f"### `{thing.__name__}`\n\n{prose(thing.__doc__)}\n\n```python\n{code}\n```\n\n"


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is dataclasses.MISSING:
        return ""
    if isinstance(field.default, str):
        return f" = {json.dumps(field.default)}"  # in the quotes that the formatter wants, also in pages
    shown = _shown(field.default)
    return f" = {shown}" if shown == repr(field.default) else f" = ...  # {shown}"


# -- commands ------------------------------------------------------------------------------------------


def commands_page(app: Flask) -> str:
    """Every command, with its arguments and options."""
    from flexmeasures.cli import cli, entries
    from flexmeasures.plugins import APP_COMMANDS

    brought = {
        name: entry.package
        for name, entry in entries().items()
        if entry.is_built_in and entry.package != "flexmeasures"
    }
    text = (
        "# Commands\n\n" + NOTE + "`flexmeasures COMMAND --help` tells the same. Names may be written"
        " with `-` or `_`. Every failure ends with an exit code other than 0;\n"
        "2 stands for a wrong setting or a wrong use of a command.\n\n"
    )
    context = click.Context(cli, info_name="flexmeasures")
    for name in cli.list_commands(context):
        command = app.cli.commands[name] if name in APP_COMMANDS else cli.get_command(context, name)
        if command is None:
            raise LookupError(f"there is no command {name}")
        text += _command(command, f"flexmeasures {name}", brought)
    return text


def _command(command: click.Command, path: str, brought: Mapping[str, str]) -> str:
    names = path.split()[1:]
    package, level = brought.get(".".join(names)), 1 + len(names)
    origin = f"Brought by the package `{package}`." if package else ""
    arguments = [
        f" {param.make_metavar(click.Context(command))}" for param in command.params if _is_argument(param)
    ]
    options = [
        (_spelled(param), prose(param.help), _option_default(param))
        for param in command.params
        if isinstance(param, click.Option) and not param.hidden
    ]
    text = f"{'#' * level} `{path}{''.join(arguments)}`\n\n{prose(command.help)}\n\n"
    text += f"{origin}\n\n" if origin else ""
    text += table(("option", "what it does", "default"), options)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in sorted(command.list_commands(context)):
            if (child := command.get_command(context, name)) is not None:
                text += _command(child, f"{path} {name}", brought)
    return text


def _is_argument(param: click.Parameter) -> bool:
    return isinstance(param, click.Argument)


def _spelled(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(click.Context(click.Command('any')))}"
    return f"`{', '.join(option.opts)}{value}`".replace("|", "/")


def _option_default(option: click.Option) -> str:
    if option.required:
        return "required"
    plain = isinstance(option.default, str | int | float) and option.default != "" and not option.is_flag
    return f"`{option.default}`".replace("|", "\\|") if plain else ""


# -- endpoints -----------------------------------------------------------------------------------------


# Paths whose functions have no sentence of their own, or one that is meant for developers of a library.
OWN_WORDS = {
    "/": "The first page: what a plugin answers to the hook `home`.",
    "/health": "Public: how the database and every plugin are; 503 when the database does not answer.",
    "/fs-static/<path:filename>": "Files of the login pages.",
    "/login": "The page to log in, by email and password.",
    "/logout": "Log out.",
    "/reset": "Ask for a mail with which to set a new password.",
    "/reset/<token>": "Set a new password, with the token of that mail.",
    "/verify": "Give the password once more.",
}


def endpoints_page(app: Flask) -> str:
    """Every path that the server answers, with the methods and where it comes from."""
    text = (
        "# Endpoints and pages\n\n" + NOTE + "Every path that an installation with all plugins of this"
        " repository answers. {doc}`../howto/api` tells how the API is used.\n\n"
    )
    hub = app.extensions["flexmeasures"]
    rows = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        blueprint = rule.endpoint.rpartition(".")[0]
        holder = hub.plugins.holder("blueprint", blueprint) if blueprint else None
        origin = holder.name if holder else {"security": "kernel, by Flask-Security"}.get(blueprint, "kernel")
        words = OWN_WORDS.get(rule.rule) or prose(_first_line(app.view_functions[rule.endpoint]))
        if not words:
            raise LookupError(f"{rule.rule} is not documented: give its function a docstring")
        rows.append((methods, f"`{rule.rule}`", words, origin))
    return text + table(("methods", "path", "what it answers", "from"), rows)


def _first_line(view: Callable[..., Any]) -> str:
    if isinstance(view, partial):
        described = [found for found in map(_description, view.args) if found]
        return described[-1] if described else _first_line(view.func)
    paragraph = inspect.cleandoc(view.__doc__ or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def _description(thing: Any) -> str:
    return str(getattr(thing, "description", ""))


# -- errors --------------------------------------------------------------------------------------------


def errors_page(app: Flask) -> str:
    """The tree of exceptions, and the status codes of the API's messages."""
    from flexmeasures import errors

    introduction, tree = inspect.cleandoc(errors.__doc__ or "").split("\n\n", maxsplit=1)
    text = f"# Errors\n\n{NOTE}## Exceptions\n\n{prose(introduction)}\n\n```text\n{tree}\n```\n\n"
    text += (
        "The command line prints their text in place of a traceback. Jobs that fail keep it, and pages and"
    )
    text += " API show it.\n\n## Status codes of the API\n\n"
    text += (
        'A refused message is answered with `result` "Rejected", one of these as `status`, and a `message`'
    )
    text += " that names the key, what was wrong with it, and what is accepted.\n\n"
    from flexmeasures_api.messages.status_codes import STATUSES

    rows = [(f"`{status}`", str(code), prose(words)) for status, (code, words) in STATUSES.items()]
    return text + table(("status", "HTTP", "what it says when nothing more exact is known"), rows)


# -- all of them ---------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[Any], str]] = (
    {
        "settings": settings_page,
        "hooks": hooks_page,
        "commands": commands_page,
        "endpoints": endpoints_page,
        "errors": errors_page,
    }
    | generate_api.PAGES
    | generate_python.PAGES
)


def pages() -> dict[Path, str]:
    """All generated pages by their files."""
    from flexmeasures.app import create

    for name in [name for name in os.environ if name.startswith(("FLEXMEASURES_", "FLASK_", "SQLALCHEMY_"))]:
        del os.environ[name]
    with TemporaryDirectory() as instance:
        app = create("documentation", instance=instance, settings={"FLEXMEASURES_STRICT_PLUGINS": True})
        with app.app_context():
            return {
                REFERENCE / f"{name}.md": re.sub(r"\n{3,}", "\n\n", page(app)).rstrip() + "\n"
                for name, page in PAGES.items()
            }


def main(arguments: list[str]) -> int:
    """Write the pages, or check them; the exit code."""
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path} is stale: run python docs/generate.py", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text)
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
