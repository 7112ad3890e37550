"""Half a minute of chaos on the best combination that runs here; `make chaos` has the longer one."""

from __future__ import annotations

import os
import secrets
import shutil

import pytest
from chaos import COMBINATIONS, Chaos, runs_here


def test_what_was_acknowledged_is_done_exactly_once_whichever_process_dies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    combination = os.environ.get("CHAOS") or next(name for name in COMBINATIONS if not runs_here(name))
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    chaos = Chaos(combination, seed, float(os.environ.get("CHAOS_SECONDS") or 30))
    chaos.not_done += [f"{name} ({why})" for name in COMBINATIONS if (why := runs_here(name))]
    chaos.run()
    with capsys.disabled():
        print(f"\n{chaos.report()}")
    assert chaos.notes.violations == []
    assert chaos.notes.counts["postMeterData acknowledged"] > 0
    assert chaos.notes.counts["events with a schedule"] > 0
    shutil.rmtree(chaos.folder)
