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
    Setting(
        "FLEXMEASURES_TASK_CHECK_AUTH_TOKEN",
        None,
        str,
        "Token by which other services may ask whether recurring tasks have run.",
        chapter="2.4.3",
    ),
]
