"""`flexmeasures` on the command line: commands of installed packages, and those of the app.

Nothing here imports more than click before a command is chosen, so that `flexmeasures --help` is quick. Commands
are entry points of the group flexmeasures.commands (name = "module:command"), also the kernel's own; a name with a
dot goes under a group (flexmeasures.cli.groups). What is not found there is looked for in the app: command groups of
Blueprints and of Flask-Security.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from flexmeasures.errors import FlexMeasuresError, SettingsError
from flexmeasures.plugins import APP_COMMANDS, BUILT_IN_PLUGINS, COMMANDS, PLUGINS

if TYPE_CHECKING:
    from flask import Flask
    from flask.cli import ScriptInfo


KERNEL = "flexmeasures"  # the distribution, whose commands nobody replaces
SAFE_MODE = "FLEXMEASURES_NO_PLUGINS"
HELP_WAITS = 1.0  # seconds that a plugin may take to be imported for a list of commands


@dataclass(frozen=True)
class Entry:
    """Where a command comes from: "module:command" of a package; plugins: what else that brings, by name."""

    target: str
    package: str
    is_built_in: bool = False
    plugins: tuple[tuple[str, str], ...] = ()


def entries() -> dict[str, Entry]:
    """Commands of installed packages by name, read from their metadata as it lies on sys.path.

    importlib.metadata would do, but imports for longer than all of this takes. Where two packages bring one
    command, the one that comes with FlexMeasures has it, else the first by name, unless a later one replaces
    it (`__replaces__`). In safe mode only what comes with FlexMeasures counts.
    """
    found: dict[str, list[Entry]] = {}
    seen: set[str] = set()
    for folder in sys.path:
        for directory in _metadata_folders(folder or os.curdir):
            package = os.path.basename(directory).partition("-")[0].replace("_", "-").lower()
            if package in seen:
                continue
            seen.add(package)
            groups = _entry_points(os.path.join(directory, "entry_points.txt"))
            built_in = package == KERNEL or BUILT_IN_PLUGINS in groups
            if built_in or not _is_safe():
                plugins = tuple(groups.get(BUILT_IN_PLUGINS, []) + groups.get(PLUGINS, []))
                for name, target in groups.get(COMMANDS, []):
                    found.setdefault(name, []).append(Entry(target, package, built_in, plugins))
    return {name: _first(name, candidates) for name, candidates in found.items()}


def _is_safe() -> bool:
    return os.environ.get(SAFE_MODE, "").strip().lower() in ("1", "true", "yes", "on")


def _metadata_folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as things:
            return sorted(thing.path for thing in things if thing.name.endswith(".dist-info"))
    except OSError:
        return []


def _entry_points(path: str) -> dict[str, list[tuple[str, str]]]:
    """Names and values of an entry_points.txt by group."""
    groups: dict[str, list[tuple[str, str]]] = {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return groups
    group: list[tuple[str, str]] = []
    for line in map(str.strip, lines):
        if line.startswith("["):
            group = groups.setdefault(line.strip("[]"), [])
        elif "=" in line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            group.append((name.strip(), target.partition("[")[0].strip()))
    return groups


def _first(name: str, candidates: list[Entry]) -> Entry:
    """Who has the command. Only where several want it, their plugins are imported to see what they replace."""
    holder, *others = sorted(
        candidates, key=lambda entry: (entry.package != KERNEL, not entry.is_built_in, entry.package)
    )
    for other in others if holder.package != KERNEL else ():
        taken = {f"{plugin}.{name}" for plugin, _ in holder.plugins}
        if taken & _replaced_by(other):
            holder = other
    return holder


def _replaced_by(entry: Entry) -> set[str]:
    from contextlib import suppress
    from importlib import import_module

    stated: set[str] = set()
    for _, target in entry.plugins:
        with suppress(Exception, SystemExit):  # it is broken, as `flexmeasures plugins list` says
            stated |= set(getattr(import_module(target.partition(":")[0]), "__replaces__", ()))
    return stated


def load(name: str, entry: Entry) -> click.Command:
    """The command; if its module fails, one that says so and does not keep the others from working."""
    try:
        return _imported(entry)
    except (Exception, SystemExit) as error:
        return _broken(name, entry, error)


def _imported(entry: Entry) -> click.Command:
    from importlib import import_module

    module, _, attribute = entry.target.partition(":")
    command = getattr(import_module(module), attribute)
    if not isinstance(command, click.Command):
        raise TypeError(f"{entry.target} is no click command")
    return command


def broken(entry: Entry) -> str:
    """Why the command cannot be used; nothing when it can."""
    try:
        _imported(entry)
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _broken(name: str, entry: Entry, error: BaseException) -> click.Command:
    reason = f"{type(error).__name__}: {error}"

    def refuse(**_: Any) -> None:
        raise FlexMeasuresError(f"The command {name} of package {entry.package} is broken: {reason}")

    return click.Command(
        name,
        callback=refuse,
        short_help=f"(broken: {reason})",
        help=f"This command of package {entry.package} is broken: {reason}",
        params=[click.Argument(["_"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True},
    )


def _spelled(name: str) -> str:
    return name.replace("_", "-")


class Commands(click.Group):
    """The top of the command line. "-" and "_" in names are the same."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands that can be known without making the app, or all if plugins are configured."""
        names = {*APP_COMMANDS, *(name for name in entries() if "." not in name)}
        if _has_configured_plugins(ctx):
            try:
                spelled = {_spelled(name) for name in names}
                names |= {name for name in _app_for_help(ctx).cli.commands if _spelled(name) not in spelled}
            except FlexMeasuresError as error:
                click.secho(f"Commands of configured plugins are missing below: {error}", fg="red", err=True)
        return sorted(names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name: a package's or the app's."""
        wanted = _spelled(cmd_name)
        for name, entry in entries().items():
            if _spelled(name) == wanted and "." not in name:
                return load(name, entry)
        if wanted.startswith("-"):
            return None
        for name, command in app_of(ctx).cli.commands.items():
            if _spelled(name) == wanted:
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with a line each."""
        rows = []
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        for name in names:
            command = None if name in APP_COMMANDS else self.get_command(ctx, name)
            rows.append((name, APP_COMMANDS[name] if command is None else command.get_short_help_str(limit)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Split the arguments; what is no request for help may need the app, through flask.cli."""
        if args and "--help" not in args and "--version" not in args:
            script_info(ctx)
        return super().parse_args(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line. What FlexMeasures refuses is told in words, without a traceback."""
        with told_in_words():
            return super().main(*args, **kwargs)


def script_info(ctx: click.Context) -> ScriptInfo:
    """Flask's handle on the app, which is made when it is first asked for; flask.cli.with_appcontext uses it."""
    from flask.cli import ScriptInfo

    root = ctx.find_root()
    if not isinstance(root.obj, ScriptInfo):
        root.obj = ScriptInfo(create_app=lambda: _create_app(chosen_instance(root)), set_debug_flag=False)
    return root.obj


def app_of(ctx: click.Context) -> Flask:
    """The app of this run of the command line."""
    return script_info(ctx).load_app()


def _create_app(instance: str | None, **settings: Any) -> Flask:
    from flexmeasures.app import create

    return create(instance=instance, settings=settings)


def _app_for_help(ctx: click.Context) -> Flask:
    """The app, without the plugins that take long: a list of commands waits for nobody."""
    from datetime import timedelta

    return _create_app(chosen_instance(ctx), FLEXMEASURES_PLUGIN_TIMEOUT=timedelta(seconds=HELP_WAITS))


def chosen_instance(ctx: click.Context) -> str | None:
    """What the option --instance says, None without it."""
    chosen: str | None = ctx.find_root().meta.get("flexmeasures.instance")
    return chosen


def _has_configured_plugins(ctx: click.Context) -> bool:
    from flexmeasures import config

    chosen = chosen_instance(ctx)
    if _is_safe():
        return False
    try:
        return config.has_plugins(config.instance_path(chosen), named=config.is_named(chosen))
    except SettingsError as error:
        click.secho(str(error), fg="red", err=True)
        return False


@contextmanager
def told_in_words() -> Iterator[None]:
    """Exit with 2 for a wrong setting, with 1 for whatever else FlexMeasures or the database refuses."""
    try:
        yield
    except FlexMeasuresError as error:
        click.secho(str(error), fg="red", err=True)
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except Exception as error:
        text = _in_words(error)
        if text is None:
            raise
        click.secho(text, fg="red", err=True)
        sys.exit(1)


def _in_words(error: Exception) -> str | None:
    """What an error of the libraries means to users; None for what is a fault of ours."""
    library = type(error).__module__.partition(".")[0]
    if library == "marshmallow":
        messages: dict[str, list[str]] = getattr(error, "normalized_messages", dict)()
        return "\n".join(f"{field}: {' '.join(map(str, texts))}" for field, texts in messages.items())
    if library != "sqlalchemy":
        return None
    cause = getattr(error, "orig", None)
    reason = str(cause).strip().partition("\n")[0]
    if reason.startswith("no such") or type(cause).__name__ in ("UndefinedTable", "UndefinedColumn"):
        return f"The database is not up to date ({reason}). Run: flexmeasures db upgrade"
    if type(error).__name__ in ("OperationalError", "InterfaceError"):
        return f"The database does not answer: {reason}"
    return None


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        import flexmeasures

        click.echo(f"FlexMeasures {flexmeasures.__version__}")
        ctx.exit()


def _note_instance(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta["flexmeasures.instance"] = value


def _note_safe_mode(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    """Say it in the environment, where this process and those that it starts see it."""
    if value:
        before = os.environ.get(SAFE_MODE)
        os.environ[SAFE_MODE] = "true"

        def put_back() -> None:
            os.environ.pop(SAFE_MODE)
            if before is not None:
                os.environ[SAFE_MODE] = before

        ctx.call_on_close(put_back)


@click.group(
    cls=Commands,
    name="flexmeasures",
    help="Schedule flexible energy assets.",
    context_settings={"token_normalize_func": _spelled},
)
@click.option(
    "--instance",
    metavar="FOLDER",
    expose_value=False,
    is_eager=True,
    callback=_note_instance,
    help="Instance folder: configuration, database, secrets, log [default: FLEXMEASURES_INSTANCE, else per user].",
)
@click.option(
    "--no-plugins",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_note_safe_mode,
    help="Safe mode: only the plugins that come with FlexMeasures.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Do nothing of its own: commands do."""


def main() -> None:
    """Entry point of the script `flexmeasures`."""
    # Few of a command's many objects are waste: looking for it, above all at the end, takes a quarter of a second.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    # Matrices here are small: threads of BLAS would wait for each other longer than they work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    cli.main(prog_name="flexmeasures")
