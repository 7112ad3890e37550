"""Which versions of the API are served here."""

from __future__ import annotations

from flexmeasures.platform import platform


def installed_versions() -> list[str]:
    """Names of the versions that plugins bring, in order."""
    return sorted({each.name for brought in platform().ask("register_api_versions") for each in brought})
