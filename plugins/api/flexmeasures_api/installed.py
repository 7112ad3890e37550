"""Which versions of the API are served here."""

from __future__ import annotations

from flexmeasures.runtime import runtime


def installed_versions() -> list[str]:
    """Names of the versions that plugins bring, in order."""
    return sorted({each.name for brought in runtime().ask("register_api_versions") for each in brought})
