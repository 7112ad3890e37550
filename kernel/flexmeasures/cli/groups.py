"""`flexmeasures add`, `delete` and `show`: groups whose commands come from packages, as "add.forecasts"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import click

from flexmeasures.cli.root import Entry, entries, load


class CommandGroup(click.Group):
    """A group to which packages add commands by entry points that are named after it: "<group>.<command>".

    Commands may be written with underscores, or by a name they once had.
    """

    former_names: ClassVar[Mapping[str, str]] = {
        "forecasts": "prognoses",
        "prognoses": "forecasts",
        "new-user": "user",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Its own and those of packages."""
        return sorted({*super().list_commands(ctx), *self._of_packages()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, of that name with dashes, or of the name that it has now."""
        name = cmd_name.replace("_", "-")
        others = self._of_packages()
        for each in (name, self.former_names.get(name, name)):
            if (own := super().get_command(ctx, each)) is not None:
                return own
            if each in others:
                return load(f"{self.name} {each}", others[each])
        return None

    def _of_packages(self) -> dict[str, Entry]:
        start = f"{self.name}."
        return {
            name.removeprefix(start): entry for name, entry in entries().items() if name.startswith(start)
        }


@click.group(cls=CommandGroup)
def add() -> None:
    """Add data."""


@click.group(cls=CommandGroup)
def delete() -> None:
    """Delete data."""


@click.group(cls=CommandGroup)
def show() -> None:
    """Show schedules, algorithms, which one plans or forecasts a sensor and why, and how good forecasts were."""
