"""The command line."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.cli.root import APP_COMMANDS as APP_COMMANDS
    from flexmeasures.cli.root import KERNEL_COMMANDS as KERNEL_COMMANDS
    from flexmeasures.cli.root import cli as cli
    from flexmeasures.cli.root import entries as entries
    from flexmeasures.cli.root import main as main

__all__, __getattr__ = door(
    __name__,
    {
        "root": ("APP_COMMANDS", "KERNEL_COMMANDS", "cli", "entries", "main"),
    },
)
