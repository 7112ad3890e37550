"""Settings of this package."""

from __future__ import annotations

from datetime import timedelta

from flexmeasures.config import Setting

SETTINGS = [
    Setting(
        "FLEXMEASURES_SCHEDULERS",
        {},
        dict,
        'Which scheduler plans for which asset type: type name or "default" to scheduler name.',
    ),
    Setting(
        "FLEXMEASURES_SOLVER_TIME_LIMIT",
        timedelta(seconds=10),
        timedelta,
        "How long solving one schedule (or a hundred of a site) may take; what is best then is stored with its proven"
        " gap in its warnings. At most four fifths of FLEXMEASURES_JOB_TIMEOUT.",
    ),
    Setting(
        "FLEXMEASURES_PLANNING_TTL",
        timedelta(days=7),
        timedelta,
        "How long schedules can be asked for by event id; negative: for ever.",
        chapter="2.3.2",
    ),
    Setting(
        "FLEXMEASURES_PLANNING_HORIZON",
        timedelta(hours=48),
        timedelta,
        "How far ahead schedules are made.",
        chapter="2.3.3",
    ),
    Setting(
        "FLEXMEASURES_STRICT_SCHEDULES",
        False,
        bool,
        "Let a scheduling job fail when the state of charge is missing or old, or prices are missing, old or absurd.",
    ),
    Setting(
        "FLEXMEASURES_STALE_PRICES",
        timedelta(days=7),
        timedelta,
        "Prices that were recorded longer than this before their time count as old; 0: none does.",
    ),
    Setting(
        "FLEXMEASURES_RELAX_TARGETS",
        False,
        bool,
        "Where targets and limits of a device conflict: plan as near to the targets as can be, instead of failing.",
    ),
]
