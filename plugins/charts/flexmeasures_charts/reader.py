"""For whom a chart or a page is made."""

from __future__ import annotations

from contextlib import suppress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app

from flexmeasures.auth import current_user

PLATFORMS = "UTC"  # the time zone of users who have not chosen one: it stands for the platform's


def readers_zone() -> ZoneInfo:
    """The time zone in which whoever asks reads times: their own, else the platform's.

    Who wants UTC chooses Etc/UTC.
    """
    user = current_user()
    if user is not None and user.timezone != PLATFORMS:
        with suppress(ZoneInfoNotFoundError, ValueError):  # a zone that this machine does not know (any more)
            return ZoneInfo(user.timezone)
    return ZoneInfo(current_app.config["FLEXMEASURES_TIMEZONE"])
