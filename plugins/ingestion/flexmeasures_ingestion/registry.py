"""The installed readers of files, and which of them reads a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import current_app

from flexmeasures.errors import InputError
from flexmeasures_ingestion.readers.files import ACCEPTED, beginning_of, kind_of

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures_ingestion.readers.base import FileReader

EXTENSION = "flexmeasures_ingestion"
KIND = "file reader"


def collect(app: Flask) -> None:
    """Gather the readers that plugins bring; a replaced name is given back when its plugin is switched off."""
    found: dict[str, type[FileReader]] = {}
    app.extensions[EXTENSION] = found
    plugins = app.extensions["flexmeasures"].plugins
    for plugin, brought in plugins.asked("register_file_readers"):
        with plugins.guarding(plugin):
            for reader in brought:
                plugins.claim(KIND, reader.name, plugin)
                earlier = found.get(reader.name)
                found[reader.name] = reader
                plugin.undo.append(lambda name=reader.name, earlier=earlier: _give_back(found, name, earlier))


def _give_back(found: dict[str, type[FileReader]], name: str, earlier: type[FileReader] | None) -> None:
    if earlier is None:
        found.pop(name, None)
    else:
        found[name] = earlier


def all_readers() -> list[type[FileReader]]:
    """All readers, in the order in which they are asked."""
    found: dict[str, type[FileReader]] = current_app.extensions[EXTENSION]
    return list(reversed(found.values()))


def reader_of(path: Path, name: str | None = None) -> FileReader:
    """The reader of that name, else the first that knows the file; InputError where there is none."""
    readers = all_readers()
    if name is not None:
        for reader in readers:
            if reader.name == name:
                return reader()
        raise InputError(
            f"There is no file reader {name!r}.", "--reader", ", ".join(each.name for each in readers)
        )
    beginning = beginning_of(path)
    for reader in readers:
        if reader.recognises(path, beginning):
            return reader()
    text = f"{path} is {kind_of(path, beginning)} that no reader knows. Nothing was stored."
    raise InputError(text, "FILE", ACCEPTED)
