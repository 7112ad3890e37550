"""Plugins from paths whose import took too long: they stay off until a file of theirs changes."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE_NAME = "slow_plugins.json"


class SlowImports:
    """What is remembered in the instance folder, so that not every command waits for the same plugin again.

    A plugin is tried again when one of its files changed, when the limit is longer than it was, or when the file
    is deleted. Without a folder nothing is remembered.
    """

    def __init__(self, instance: Path | None) -> None:
        self.path = None if instance is None else instance / FILE_NAME

    def reason(self, folder: str, limit: float) -> str | None:
        """Why the plugin in the folder is not imported; None when it is to be tried."""
        known = self._read().get(folder)
        if not isinstance(known, dict) or known.get("files") != _stamp(folder):
            return None
        before = known.get("limit")
        if not isinstance(before, int | float) or limit == 0 or limit > before:
            return None
        return (
            f"it hangs: its import took longer than {before:g} seconds before. It is tried again when one of its"
            f" files changes, or when {self.path} is deleted"
        )

    def note(self, folder: str, limit: float) -> None:
        """Remember that the import of the plugin in the folder took longer than `limit` seconds."""
        self._write(self._read() | {folder: {"limit": limit, "files": _stamp(folder)}})

    def forget(self, folder: str) -> None:
        """The plugin was imported in time."""
        known = self._read()
        if known.pop(folder, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, Any]:
        if self.path is None:
            return {}
        try:
            known = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, Any]) -> None:
        if self.path is None:
            return
        draft = self.path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # it is only slower without
            draft.write_text(json.dumps(known, indent=2))
            draft.replace(self.path)


def _stamp(folder: str) -> list[list[Any]]:
    """Name, time and size of each Python file of a plugin."""
    found = []
    for path in sorted(Path(folder).rglob("*.py")):
        with suppress(OSError):
            facts = path.stat()
            found.append([str(path.relative_to(folder)), facts.st_mtime_ns, facts.st_size])
    return found
