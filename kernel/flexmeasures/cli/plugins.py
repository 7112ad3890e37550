"""`flexmeasures plugins`: which plugins there are, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures.plugins import Plugin


@click.group()
def plugins() -> None:
    """List and check plugins."""


@plugins.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List all plugins, in the order in which they are asked.

    Plugins from paths come first, then third-party packages, then those that come with FlexMeasures.
    """
    found: list[Plugin] = _app(ctx).extensions["flexmeasures"].plugins.plugins
    if as_json:
        import json

        click.echo(json.dumps([_as_dict(plugin) for plugin in found], indent=2))
        return
    rows = [("NAME", "VERSION", "STATE", "FROM", "REASON")]
    rows += [
        (p.name, p.version or "-", p.state, f"{p.origin} ({p.kind})", " ".join(p.reason.split()))
        for p in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        click.echo("  ".join([*cells, row[4]]).rstrip())


@plugins.command()
@click.pass_context
def check(ctx: click.Context) -> None:
    """Load all plugins, their commands too, and ask how they are; exits with 1 if one is not well.

    Not well is a plugin that is broken or incompatible, whose command cannot be imported, or that says so.
    """
    app = _app(ctx)
    hub: Any = app.extensions["flexmeasures"]
    wrong = 0
    for plugin in hub.plugins.plugins:
        if plugin.state in ("broken", "incompatible"):
            wrong += 1
            click.secho(f"{plugin.name} ({plugin.origin}) is {plugin.state}: {plugin.reason}", fg="red")
            if plugin.trace and plugin.state == "broken":
                click.echo(plugin.trace.rstrip())
        else:
            click.echo(f"{plugin.name} ({plugin.origin}) is {plugin.state}")
    for text in _broken_commands():
        wrong += 1
        click.secho(text, fg="red")
    with app.app_context():
        for part in hub.ask("health"):
            wrong += not part.ok
            click.secho(f"{part.name}: {'ok' if part.ok else part.detail}", fg=None if part.ok else "red")
        for (name, hook), kind in hub.plugins.failures.items():
            wrong += 1
            click.secho(f"{name} fails in hook {hook}: {kind}", fg="red")
    if wrong:
        raise SystemExit(1)


def _broken_commands() -> list[str]:
    from flexmeasures.cli.root import broken, entries

    found = ((name, entry, broken(entry)) for name, entry in sorted(entries().items()))
    return [
        f"command {name} (package {entry.package}) is broken: {reason}"
        for name, entry, reason in found
        if reason
    ]


def _app(ctx: click.Context) -> Flask:
    """The app, even where the settings say that it is to stop at the first broken plugin."""
    from flexmeasures.app import create
    from flexmeasures.cli.root import chosen_instance

    return create(instance=chosen_instance(ctx), settings={"FLEXMEASURES_STRICT_PLUGINS": False})


def _as_dict(plugin: Plugin) -> dict[str, str]:
    fields = ("name", "version", "state", "reason", "kind", "origin")
    return {field: getattr(plugin, field) for field in fields}
