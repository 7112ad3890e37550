"""What holds for all tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

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
    """Begin with the long files."""
    rank = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))
