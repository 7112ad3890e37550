"""Migrations of the database: the kernel's tables, and those of each plugin with a version table of its own.

A *branch* is one line of migrations. The kernel's version is in the table alembic_version, that of a plugin in
<plugin>_alembic_version, so that a plugin can be uninstalled without breaking the others' upgrades. The engines
that come in are set up by `flexmeasures.db.prepare_engine`.
"""

from __future__ import annotations

import io
import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, MetaData, inspect, text

from flexmeasures.db import plugin_tables
from flexmeasures.db.transactions import beginning_immediately
from flexmeasures.db.types import Base, Milliseconds, UtcTime, plugin_bases
from flexmeasures.errors import FlexMeasuresError, InputError, PluginBroken

if TYPE_CHECKING:
    from alembic.config import Config

    from flexmeasures.plugins import Plugins


HOME = Path(__file__).parents[1] / "migrations"
KERNEL = "flexmeasures"
_LOCK = 0x666C6578  # of PostgreSQL, for one upgrade at a time


@dataclass(frozen=True)
class Branch:
    """One line of migrations: whose (a plugin's name, or "flexmeasures"), and the folder of its versions."""

    name: str
    versions: Path

    @property
    def version_table(self) -> str:
        """The table that holds the branch's version."""
        return "alembic_version" if self.name == KERNEL else plugin_tables.version_table(self.name)

    @property
    def metadata(self) -> MetaData:
        """The tables that the branch is about, as its models say; an app has imported those of the kernel."""
        if self.name == KERNEL:
            return Base.metadata
        base = plugin_bases.get(self.name.replace("-", "_"))
        return MetaData() if base is None else base.metadata


KERNEL_BRANCH = Branch(KERNEL, HOME / "versions")


@dataclass(frozen=True)
class Step:
    """One migration: revision, the one before it (None for the first) and what it does."""

    revision: str
    before: str | None
    message: str


def branches(plugins: Plugins, only: str | None = None) -> list[Branch]:
    """The kernel's branch and those of the plugins (built-ins first), or the one that is called `only`."""
    found = [KERNEL_BRANCH]
    for plugin, versions in plugins.asked("register_migrations"):
        found.append(Branch(plugin.name, Path(versions)))
    if only is None:
        return found
    chosen = [branch for branch in found if branch.name == only]
    if not chosen:
        known = ", ".join(branch.name for branch in found)
        raise InputError(f"No plugin {only!r} has migrations.", "plugin", known)
    return chosen


def upgrade(
    engine: Engine,
    which: Sequence[Branch] = (KERNEL_BRANCH,),
    revision: str = "head",
    failed: Callable[[Branch, BaseException], None] | None = None,
) -> list[str]:
    """Bring the database to the newest version (or `revision`), a transaction a branch; returns what was run.

    failed: is told of a plugin whose migrations fail, and the others go on; without it, and for the kernel, the
    error is raised.
    """
    from alembic import command

    done: list[str] = []
    for branch in which:
        try:
            done += _move(engine, branch, lambda config: command.upgrade(config, revision))
        except (Exception, SystemExit) as error:
            if failed is None or branch.name == KERNEL:
                raise
            failed(branch, error)
    return done


def downgrade(engine: Engine, which: Sequence[Branch] = (KERNEL_BRANCH,), revision: str = "-1") -> list[str]:
    """Go one migration back (or to `revision`, "base" for before the first); returns what was run."""
    from alembic import command

    return [
        step
        for branch in which
        for step in _move(engine, branch, lambda config: command.downgrade(config, revision))
    ]


def drop(engine: Engine, plugin: str) -> list[str]:
    """Drop what a plugin's migrations made, with its data and its version; gives the names of the tables.

    The code of the plugin is not needed. Refused, with nothing changed, when tables of others refer to it.
    """
    tables = plugin_tables.to_drop(engine, plugin)
    with alone(engine) as connection:
        plugin_tables.drop(connection, plugin, tables)
    return tables


def current(engine: Engine, branch: Branch = KERNEL_BRANCH) -> str | None:
    """The version that the database has, None before the first migration."""
    with engine.connect() as connection:
        if not inspect(connection).has_table(branch.version_table):
            return None
        table = connection.dialect.identifier_preparer.quote(branch.version_table)
        version: str | None = connection.scalar(text(f"SELECT version_num FROM {table}"))  # noqa: S608
        return version


def head(branch: Branch = KERNEL_BRANCH) -> str | None:
    """The newest version that there is a migration to. Reads the files itself: importing alembic takes long."""
    revisions: set[str] = set()
    earlier: set[str] = set()
    for path in branch.versions.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        for name, found in (("revision", revisions), ("down_revision", earlier)):
            for value in re.findall(rf"^{name}\b[^=\n]*=(.*)$", source, re.MULTILINE):
                found.update(re.findall(r"[\"']([^\"']+)[\"']", value))
    heads = sorted(revisions - earlier)
    if len(heads) > 1:
        raise FlexMeasuresError(
            f"The migrations in {branch.versions} end in several versions: {', '.join(heads)}."
        )
    return heads[0] if heads else None


def pending(engine: Engine, which: Sequence[Branch] = (KERNEL_BRANCH,)) -> list[Branch]:
    """Branches of which the database does not have the newest version."""
    return [branch for branch in which if current(engine, branch) != _head_or_none(branch)]


def _head_or_none(branch: Branch) -> str | None:
    """The newest version; "?" of a plugin whose files do not tell, so that its upgrade says why."""
    try:
        return head(branch)
    except (FlexMeasuresError, OSError, ValueError):
        if branch.name == KERNEL:
            raise
        return "?"


def history(branch: Branch = KERNEL_BRANCH) -> list[Step]:
    """All migrations of the branch, newest first."""
    from alembic.script import ScriptDirectory

    with _readable_errors(branch):
        scripts = ScriptDirectory.from_config(_config(branch)).walk_revisions()
        return [Step(s.revision, _one(s.down_revision), s.doc.rstrip(".")) for s in scripts]


def migrate(engine: Engine, branch: Branch = KERNEL_BRANCH, message: str = "") -> Path | None:
    """Write a migration from the database as it is to the tables of the models; None if they are the same."""
    from alembic import command

    def keep_if_needed(context: Any, revision: Any, directives: list[Any]) -> None:
        if directives[0].upgrade_ops.is_empty():
            directives.clear()

    number = f"{len(list(branch.versions.glob('*.py'))) + 1:04d}"
    with _readable_errors(branch), engine.connect() as connection:
        config = _config(branch, connection, process_revision_directives=keep_if_needed)
        script = command.revision(config, message or "change", autogenerate=True, rev_id=number)
    if isinstance(script, list):
        script = script[0] if script else None
    return Path(script.path) if script else None


def init(branch: Branch = KERNEL_BRANCH) -> Path:
    """Make the folder of the branch's migrations, if it is not there."""
    branch.versions.mkdir(parents=True, exist_ok=True)
    return branch.versions


# -- alembic --------------------------------------------------------------------------------------------


def _config(branch: Branch, connection: Connection | None = None, **more: Any) -> Config:
    from alembic.config import Config

    metadata = branch.metadata

    def is_ours(name: str | None, kind: str, parents: Any) -> bool:
        return kind != "table" or name in metadata.tables

    config = Config(stdout=io.StringIO(), cmd_opts=Namespace(quiet=True))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", str(HOME).replace("%", "%%"))
    config.set_main_option("version_locations", str(branch.versions).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    config.attributes["options"] = {
        "target_metadata": metadata,
        "version_table": branch.version_table,
        "include_name": is_ours,
        "render_item": _render_type,
        "render_as_batch": True,  # SQLite changes a table by writing it anew
        "transactional_ddl": True,  # alembic believes that SQLite cannot
        **more,
    }
    return config


def _render_type(kind: str, item: Any, context: Any) -> str | bool:
    """How migrations write our own column types; False leaves all else to alembic."""
    if kind == "type" and isinstance(item, Milliseconds):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, UtcTime):
        context.imports.add("from flexmeasures.db import UtcTime\n")
        return "UtcTime()"
    return False


def _move(engine: Engine, branch: Branch, run: Callable[[Config], None]) -> list[str]:
    steps: list[str] = []

    def note(step: Any, **_: Any) -> None:
        way = "up to" if step.is_upgrade else "back from"
        steps.append(f"{branch.name}: {way} {step.up_revision_id}, {step.up_revision.doc.rstrip('.')}")

    with _readable_errors(branch), alone(engine) as connection:
        before = plugin_tables.things(connection) if branch.name != KERNEL else set()
        run(_config(branch, connection, on_version_apply=note))
        if branch.name != KERNEL and steps:
            plugin_tables.record(connection, branch.name, before)
    return steps


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables may change: alone on the database, references checked at its end."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            with connection.begin():
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
                yield connection
            return
        # SQLite heeds this pragma only outside of a transaction, and SQLAlchemy would begin one for it.
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with beginning_immediately(), connection.begin():
                yield connection
                _check_references(connection)
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        rows = ", ".join(f"{row[0]} (row {row[1]}) to {row[2]}" for row in broken[:5])
        raise FlexMeasuresError(
            f"The migration would leave {len(broken)} references to rows that are not there: {rows}. "
            "Nothing was changed."
        )


@contextmanager
def _readable_errors(branch: Branch) -> Iterator[None]:
    from alembic.util import CommandError

    try:
        yield
    except CommandError as error:
        raise FlexMeasuresError(f"Migrations of {branch.name}: {error}") from error
    except (Exception, SystemExit) as error:
        if branch.name == KERNEL or isinstance(error, FlexMeasuresError):
            raise
        raise PluginBroken(f"its migrations fail: {type(error).__name__}: {error}") from error


def _one(revision: Any) -> str | None:
    return revision if revision is None or isinstance(revision, str) else ", ".join(revision)
