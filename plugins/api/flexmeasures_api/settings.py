"""Settings of this package."""

from __future__ import annotations

from datetime import timedelta

from flexmeasures.config import Setting

SETTINGS = [
    Setting(
        "FLEXMEASURES_CLOCK_TOLERANCE",
        timedelta(seconds=60),
        timedelta,
        "How much earlier than its slot's end a measurement may arrive, as clocks differ; it then counts as known at"
        " that end.",
    ),
]
