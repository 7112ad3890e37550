"""`flexmeasures run`: the web server and the workers, by one command."""

from __future__ import annotations

import errno
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

from flexmeasures.errors import FlexMeasuresError, PluginBroken

if TYPE_CHECKING:
    from flask import Flask


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen at."
)
@click.option(
    "--workers", type=click.IntRange(min=0), help="Worker processes [default: FLEXMEASURES_WORKERS]."
)
@click.pass_context
def run(ctx: click.Context, host: str, port: int, workers: int | None) -> None:
    """Serve pages and API, and run the workers.

    The database of the instance (SQLite) is brought to the newest version first. Ctrl-C stops all.
    """
    from flexmeasures.cli.root import app_of
    from flexmeasures.server import Workers

    app = app_of(ctx)
    _prepare_database(app)
    _check_port(host, port)
    number = app.config["FLEXMEASURES_WORKERS"] if workers is None else workers
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _stop)
    # Workers come first: what forks must not have the server's threads and socket.
    crew = Workers(app, 0 if app.config["FLEXMEASURES_JOBS"] == "inline" else number)
    try:
        crew.start()
        _serve(app, host, port)
    finally:
        crew.stop()
        if crew.bereaved:
            sys.exit(1)  # who watches services starts this one again


def _stop(signum: int, frame: Any) -> NoReturn:
    sys.exit(0)


def _prepare_database(app: Flask) -> None:
    """Bring the instance's own database up to date; plugins whose tables cannot be are off."""
    from flexmeasures import db as the_db
    from flexmeasures.db import db

    hub: Any = app.extensions["flexmeasures"]

    def switch_off(branch: the_db.Branch, error: BaseException) -> None:
        plugin = hub.plugins.take_off(branch.name, error)
        click.secho(f"The plugin {plugin.name} is off: {plugin.reason}.", fg="red", err=True)

    with app.app_context():
        pending = the_db.pending(db.engine, the_db.branches(hub.plugins))
        if pending and not hub.configuration.embedded:
            if any(branch.name == the_db.KERNEL for branch in pending):
                names = ", ".join(branch.name for branch in pending)
                raise FlexMeasuresError(
                    f"The database is not up to date ({names}). Run: flexmeasures db upgrade"
                )
            for branch in pending:
                switch_off(
                    branch, PluginBroken("its tables are not up to date; run: flexmeasures db upgrade")
                )
            return
        for line in the_db.upgrade(db.engine, pending, failed=switch_off) if pending else ():
            click.echo(f"Upgraded the database: {line}")


def _check_port(host: str, port: int) -> None:
    import socket

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise _cannot_listen(host, port, error) from None


def _cannot_listen(host: str, port: int, error: OSError) -> FlexMeasuresError:
    if error.errno == errno.EADDRINUSE:
        return FlexMeasuresError(f"Port {port} of {host} is in use. Choose another one with --port.")
    return FlexMeasuresError(f"Cannot listen at {host}, port {port}: {error.strerror or error}.")


def _serve(app: Flask, host: str, port: int) -> None:
    import waitress

    try:
        # The app itself answers bodies that are too large; this bounds what is taken in before it can.
        most = 4 * (app.config["MAX_CONTENT_LENGTH"] or 2**28)
        server = waitress.create_server(
            app,
            host=host,
            port=port,
            ident=None,
            max_request_body_size=most,
            # The app asks a proxy's X-Forwarded-Proto for one thing: whether to send a visitor to https.
            clear_untrusted_proxy_headers=False,
        )
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    try:
        shown = f"[{host}]" if ":" in host else host
        # A name such as localhost may stand for several addresses; that server has no one port to tell.
        bound = getattr(server, "effective_port", port)
        click.echo(f"FlexMeasures runs at http://{shown}:{bound} (Ctrl-C stops it)")
        click.echo(f"Instance folder: {app.instance_path}")
        _mention_missing_user(app)
        server.run()
    finally:
        server.close()


def _mention_missing_user(app: Flask) -> None:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import User

    with app.app_context():
        if db.session.scalar(select(User.id).limit(1)) is None:
            click.echo("There is no user yet. Add one, in another terminal:")
            click.echo("    flexmeasures add user --username admin --email you@example.com --roles admin")
