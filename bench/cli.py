"""How long `flexmeasures --help` takes, and its memory, beside a process that imports click alone."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import SCRIPTS, process, row

CLICK = 'python -c "import click", same run'


def measure(times: int = 11) -> list[dict[str, Any]]:
    """Median of fresh processes with their byte code written."""
    with TemporaryDirectory() as folder:
        instance = Path(folder)
        seconds, memory = process([str(SCRIPTS / "flexmeasures"), "--help"], instance, times)
        bare_seconds, bare_memory = process([sys.executable, "-c", "import click"], instance, times)
    return [
        row("cli_help_seconds", seconds, "s", against=CLICK, than=bare_seconds),
        row("cli_help_peak_mb", memory, "MiB", against=CLICK, than=bare_memory),
    ]
