"""One run of the loss test; `make loss LOSS_TIMES=100` has many."""

from __future__ import annotations

import os
import secrets

import pytest
from loss import Loss


def test_what_was_acknowledged_survives_the_death_of_a_worker_and_then_of_all_processes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    loss = Loss(int(os.environ.get("LOSS_SEED") or secrets.randbelow(10**6)))
    loss.run()
    with capsys.disabled():
        print(f"\n{loss.report()}")
    assert loss.notes.violations == []
    assert loss.notes.counts["values acknowledged"] > 0
    assert loss.notes.counts["events acknowledged"] > 0
