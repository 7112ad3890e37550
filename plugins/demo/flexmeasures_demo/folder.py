"""The demo's instance folder: its own, fresh each time, and never somebody else's."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexmeasures.errors import InputError

MARKER = ".flexmeasures-demo"
# What a demo leaves behind; anything else in a folder is somebody's own.
MADE_BY_US = re.compile(
    r"\.flexmeasures-demo|secret_key|flexmeasures\.db(-wal|-shm|-journal|\.lock)?|flexmeasures\.log(\.\d+|\.lock)?"
)
ACCEPTED = "a folder that is new, empty, or left by an earlier demo"


@contextmanager
def fresh(given: Path | None) -> Iterator[Path]:
    """A fresh instance folder, held for as long as the demo runs.

    given: None for a new folder of its own. Raises InputError when it holds anything that no demo made, or
    while another demo uses it.
    """
    if given is None:
        folder = Path(tempfile.mkdtemp(prefix="flexmeasures-demo-"))
    else:
        folder = given.expanduser().absolute()
        _check(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / MARKER, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"Another demo uses {folder} just now.", "instance", ACCEPTED) from None
        _clear(folder)
        yield folder
    finally:
        os.close(descriptor)


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "instance", ACCEPTED)
    entries = sorted(folder.iterdir()) if folder.exists() else []
    left_by_us = folder / MARKER in entries
    foreign = [path.name for path in entries if not (left_by_us and _is_ours(path))]
    if foreign:
        raise InputError(
            f"{folder} holds what the demo did not make ({', '.join(foreign[:3])}), so it is left alone.",
            "instance",
            ACCEPTED,
        )


def _is_ours(path: Path) -> bool:
    return MADE_BY_US.fullmatch(path.name) is not None and not path.is_dir()


def _clear(folder: Path) -> None:
    """Remove what an earlier demo left; the marker, which is our lock, stays."""
    for path in folder.iterdir():
        if path.name != MARKER:
            path.unlink()
