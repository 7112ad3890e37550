"""What holds for all tests."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# Tests keep much alive, and going through all of it again and again takes a seventh of the time.
gc.set_threshold(100_000, 20, 20)

# Processes share the tests out by file: these files take the longest, and would leave one process alone at the end.
LONG = (
    "test_properties",
    "test_demo",
    "test_chaos",
    "test_hangs",
    "test_workers",
    "test_commands",
    "test_bad_input",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long files. Of the rooms on top of the kernel, coverage is told by the tests on SQLite alone.

    Counting lines nearly doubles the time of a request; what differs by database is the kernel's.
    """
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))
    for item in items:
        callspec = getattr(item, "callspec", None)
        on_postgresql = callspec is not None and callspec.params.get("database_uri") == "postgresql"
        if on_postgresql and item.path.parent.name != "kernel":
            item.add_marker(pytest.mark.no_cover)
