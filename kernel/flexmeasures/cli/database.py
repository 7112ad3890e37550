"""`flexmeasures db`: migrations of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from flexmeasures.db import Branch


_plugin = click.option("--plugin", metavar="NAME", help="Only this plugin's tables.")
# Relative revisions, such as -1, are no options.
_relative = {"ignore_unknown_options": True}


@click.group()
def db() -> None:
    """Upgrade the database, write migrations.

    There is one line of migrations for the kernel's tables and one for each plugin that has tables.
    """


@db.command(context_settings=_relative)
@click.argument("revision", default="head")
@_plugin
@click.pass_context
def upgrade(ctx: click.Context, revision: str, plugin: str | None) -> None:
    """Bring the database to the newest version.

    The kernel comes first, then the plugins. With a REVISION, only the kernel (or --plugin) goes to it.
    """
    from flexmeasures import db as the_db

    engine, which = _open(ctx, plugin if revision == "head" else plugin or the_db.KERNEL)
    failures: list[str] = []

    def note(branch: Branch, error: BaseException) -> None:
        failures.append(f"Plugin {branch.name}: {error}. Its tables are as they were, and it will be off.")

    done = the_db.upgrade(engine, which, revision, failed=note)
    if done or not failures:
        click.echo("\n".join(done) if done else "The database is up to date.")
    for text in failures:
        click.secho(text, fg="red", err=True)
    if failures:
        ctx.exit(1)


@db.command(context_settings=_relative)
@click.argument("revision", default="-1")
@click.option("--force", is_flag=True, help="Do not ask.")
@_plugin
@click.pass_context
def downgrade(ctx: click.Context, revision: str, force: bool, plugin: str | None) -> None:
    """Undo the last migration, or all after REVISION ("base": all of them)."""
    from flexmeasures import db as the_db

    engine, which = _open(ctx, plugin or the_db.KERNEL)
    if not force:
        click.confirm(f"This can delete data of {which[0].name}. Go on?", abort=True)
    done = the_db.downgrade(engine, which, revision)
    click.echo("\n".join(done) if done else "There is nothing to undo.")


@db.command()
@click.option("--plugin", metavar="NAME", required=True, help="Whose tables.")
@click.option("--force", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, plugin: str, force: bool) -> None:
    """Delete the tables of a plugin, with all their data; it need not be installed any more."""
    from flexmeasures import db as the_db

    engine = _engine(ctx)
    tables = the_db.to_drop(engine, plugin)
    if not force:
        click.confirm(f"This deletes {', '.join(tables)} with all data. Go on?", abort=True)
    click.echo(f"Dropped {', '.join(the_db.drop(engine, plugin))}")


@db.command()
@_plugin
@click.pass_context
def current(ctx: click.Context, plugin: str | None) -> None:
    """Show the versions that the database has, and the newest ones."""
    from flexmeasures import db as the_db

    engine, which = _open(ctx, plugin)
    for branch in which:
        version, newest = the_db.current(engine, branch) or "none", the_db.head(branch) or "none"
        note = "" if version == newest else f" (newest: {newest}; run flexmeasures db upgrade)"
        click.echo(f"{branch.name}: {version}{note}")
    for name in the_db.known(engine) if plugin is None else ():
        if name not in {branch.name for branch in which}:
            click.echo(
                f"{name}: not loaded, but has tables (flexmeasures db drop --plugin {name} deletes them)"
            )


@db.command()
@_plugin
@click.pass_context
def history(ctx: click.Context, plugin: str | None) -> None:
    """List the migrations, newest first."""
    from flexmeasures import db as the_db

    _, which = _open(ctx, plugin)
    for branch in which:
        for step in the_db.history(branch):
            click.echo(f"{branch.name} {step.revision} (after {step.before or 'nothing'}): {step.message}")


@db.command()
@click.option("--message", "-m", default="", help="What changes.")
@_plugin
@click.pass_context
def migrate(ctx: click.Context, message: str, plugin: str | None) -> None:
    """Write a migration to the tables that the models describe (for developers; look it through)."""
    from flexmeasures import db as the_db

    engine, which = _open(ctx, plugin or the_db.KERNEL)
    path = the_db.migrate(engine, which[0], message)
    click.echo("The models describe the database as it is." if path is None else f"Wrote {path}")


@db.command()
@_plugin
@click.pass_context
def init(ctx: click.Context, plugin: str | None) -> None:
    """Make the folder of a plugin's migrations (the kernel's is there)."""
    from flexmeasures import db as the_db

    _, which = _open(ctx, plugin or the_db.KERNEL)
    click.echo(f"Migrations of {which[0].name} are in {the_db.init(which[0])}")


def _engine(ctx: click.Context) -> Engine:
    from flexmeasures.cli.root import app_of
    from flexmeasures.db import db as database

    with app_of(ctx).app_context():
        return database.engine


def _open(ctx: click.Context, only: str | None) -> tuple[Engine, list[Branch]]:
    """The app's engine, and the lines of migrations that the command is about."""
    from flexmeasures import db as the_db
    from flexmeasures.cli.root import app_of
    from flexmeasures.db import db as database

    app = app_of(ctx)
    hub: Any = app.extensions["flexmeasures"]
    with app.app_context():
        return database.engine, the_db.branches(hub.plugins, only)
