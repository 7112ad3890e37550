"""Since when versions of the API are deprecated, by the setting FLEXMEASURES_DEPRECATED_API_VERSIONS."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from flask import current_app

log = logging.getLogger(__name__)

# v2.0 came on that day (documentation, chapter 21.3).
DEFAULT = dict.fromkeys(("v1", "v1_1", "v1_2", "v1_3"), "2020-11-14")


def deprecated_since(name: str) -> int | None:
    """Unix time since which that version is deprecated; None when it is not, or the date cannot be read."""
    text = (current_app.config.get("FLEXMEASURES_DEPRECATED_API_VERSIONS") or {}).get(name)
    if not text:
        return None
    try:
        since = datetime.fromisoformat(str(text))
    except ValueError:
        log.warning("FLEXMEASURES_DEPRECATED_API_VERSIONS: %r of %s is no ISO date.", text, name)
        return None
    return int((since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp())
