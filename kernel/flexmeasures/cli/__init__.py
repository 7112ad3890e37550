"""The command line."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.cli.groups import CommandGroup as CommandGroup
    from flexmeasures.cli.options import KINDS as KINDS
    from flexmeasures.cli.options import ask as ask
    from flexmeasures.cli.options import find_sensor as find_sensor
    from flexmeasures.cli.options import find_sensors as find_sensors
    from flexmeasures.cli.options import kind_option as kind_option
    from flexmeasures.cli.options import parse_minutes as parse_minutes
    from flexmeasures.cli.options import period as period
    from flexmeasures.cli.options import read_pair as read_pair
    from flexmeasures.cli.options import validation_text as validation_text
    from flexmeasures.cli.options import with_app as with_app
    from flexmeasures.cli.root import cli as cli
    from flexmeasures.cli.root import entries as entries
    from flexmeasures.cli.root import main as main

__all__, __getattr__ = door(
    __name__,
    {
        "groups": ("CommandGroup",),
        "options": (
            "KINDS",
            "ask",
            "find_sensor",
            "find_sensors",
            "kind_option",
            "parse_minutes",
            "period",
            "read_pair",
            "validation_text",
            "with_app",
        ),
        "root": ("cli", "entries", "main"),
    },
)
