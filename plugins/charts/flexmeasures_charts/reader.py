"""For whom a chart or a page is made."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import current_app

from flexmeasures.auth import current_user

PLATFORMS = "UTC"  # the time zone of users who have not chosen one: it stands for the platform's


def readers_zone() -> ZoneInfo:
    """The time zone in which whoever asks reads times: their own, else the platform's.

    Who wants UTC chooses Etc/UTC.
    """
    user = current_user()
    own = PLATFORMS if user is None else user.timezone
    return ZoneInfo(current_app.config["FLEXMEASURES_TIMEZONE"] if own == PLATFORMS else own)
