"""`flexmeasures show readers`: the kinds of files that can be read."""

from __future__ import annotations

import click

from flexmeasures.cli import with_app


@click.command("readers")
@with_app
def show_readers() -> None:
    """Show which kinds of files `flexmeasures add beliefs` reads, in the order in which they are tried."""
    from flexmeasures_ingestion.registry import all_readers

    readers = all_readers()
    width = max(len(each.name) for each in readers)
    for each in readers:
        click.echo(f"{each.name:{width}}  {each.title}")
