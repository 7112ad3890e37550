"""Values from files: read by readers that plugins bring, units converted, events put on the grid of a sensor."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures_ingestion.importing import Imported as Imported
    from flexmeasures_ingestion.importing import Request as Request
    from flexmeasures_ingestion.importing import read_file as read_file
    from flexmeasures_ingestion.importing import store as store
    from flexmeasures_ingestion.readers.base import FileReader as FileReader
    from flexmeasures_ingestion.readers.base import Layout as Layout
    from flexmeasures_ingestion.readers.base import Rows as Rows
    from flexmeasures_ingestion.readers.tables import TableReader as TableReader
    from flexmeasures_ingestion.units import ENERGY as ENERGY
    from flexmeasures_ingestion.units import POWER as POWER

__all__, __getattr__ = door(
    __name__,
    {
        "importing": ("Imported", "Request", "read_file", "store"),
        "readers.base": ("FileReader", "Layout", "Rows"),
        "readers.tables": ("TableReader",),
        "units": ("ENERGY", "POWER"),
    },
)


@hookimpl
def register_hookspecs() -> list[ModuleType]:
    """Who brings readers of files."""
    from flexmeasures_ingestion import hookspecs

    return [hookspecs]


@hookimpl
def register_file_readers() -> list[type[FileReader]]:
    """The built-in readers; what guesses, and last the plain table, are asked when no other knows the file."""
    from flexmeasures_ingestion.readers.green_button import GreenButton
    from flexmeasures_ingestion.readers.guessing import GuessedTable
    from flexmeasures_ingestion.readers.layouts import BUILT_IN
    from flexmeasures_ingestion.readers.matrix import MATRICES
    from flexmeasures_ingestion.readers.nem12 import Nem12
    from flexmeasures_ingestion.readers.tables import TableReader
    from flexmeasures_ingestion.readers.telegrams import Telegrams

    return [TableReader, GuessedTable, *BUILT_IN, *MATRICES, Telegrams, GreenButton, Nem12]


@hookimpl
def set_up(app: Flask) -> None:
    """Collect the readers."""
    from flexmeasures_ingestion.registry import collect

    collect(app)
