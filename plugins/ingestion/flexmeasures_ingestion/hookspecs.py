"""Hooks about files."""

from __future__ import annotations

from flexmeasures.markers import hookspec
from flexmeasures_ingestion.readers.base import FileReader


@hookspec
def register_file_readers() -> list[type[FileReader]]:  # type: ignore[empty-body]
    """Called once in create(): readers of kinds of files. The last that is registered is asked first."""
