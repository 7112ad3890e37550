"""The log: a file in the instance folder that many processes share, and warnings on standard error."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask


FILE_NAME = "flexmeasures.log"
MAX_BYTES = 10_000_000
BACKUPS = 5


class SharedRotatingFile(WatchedFileHandler):
    """A log file that is moved aside to .1, .2 ... when it is full, by whichever process notices first.

    The other processes see that the file has changed and open the new one. (logging's RotatingFileHandler
    would let each process rotate the file away under the others.) A message that cannot be written, because the
    disk is full for example, is left out: a call of a logger never raises.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.path, self.max_bytes, self.backups = path, max_bytes, backups

    def _open(self) -> TextIOWrapper:
        return open(self.path, "a", encoding="utf-8", opener=partial(os.open, mode=0o600))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._is_full():
                self._rotate()
            super().emit(record)  # it flushes outside of its own `try` when another process rotated the file
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name is logging's
        """Leave the message out, with what the stream still holds of it; the next message opens the file again."""
        stream, self.stream = self.stream, None
        if stream is not None:
            with suppress(OSError):
                stream.close()

    def _is_full(self) -> bool:
        try:
            return self.path.stat().st_size >= self.max_bytes
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        descriptor = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not self._is_full():  # another process was faster
                return
            for number in range(self.backups - 1, 0, -1):
                older = Path(f"{self.path}.{number}")
                if older.exists():
                    older.replace(f"{self.path}.{number + 1}")
            self.path.replace(f"{self.path}.1")
        finally:
            os.close(descriptor)


def set_up_logging(app: Flask, plugins: Iterable[str] = ()) -> None:
    """Let the app's messages from LOGGING_LEVEL on go to flexmeasures.log in its instance folder.

    Warnings (or from LOGGING_LEVEL on, if that is higher) go to standard error too. plugins: names of the
    modules of plugins, whose messages count like our own; libraries write warnings only. Replaces the file of
    an app that was set up before in this process.
    """
    from flask.logging import default_handler

    level = int(app.config["LOGGING_LEVEL"])
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, SharedRotatingFile)]:
        root.removeHandler(handler)
        handler.close()
    file = SharedRotatingFile(Path(app.instance_path) / FILE_NAME)
    file.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    file.setLevel(level)
    root.addHandler(file)
    default_handler.setLevel(max(level, logging.WARNING))
    root.addHandler(default_handler)
    for name in ("flexmeasures", app.logger.name, *plugins):
        logging.getLogger(name).setLevel(min(level, logging.WARNING))
