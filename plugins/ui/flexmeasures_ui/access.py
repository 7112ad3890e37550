"""Who is asking, which assets they see, and who is believed to say what came to be."""

from __future__ import annotations

from flask import abort
from sqlalchemy import select

from flexmeasures.auth import current_user, may
from flexmeasures.db import db
from flexmeasures.models import Asset, User
from flexmeasures.models.sources import DEMO_SCRIPT, SCRIPT, USER

LARGEST_ID = 2**31 - 1
REPORTING = (USER, SCRIPT, DEMO_SCRIPT)  # who say what came to be


def user_or_401() -> User:
    """The user of this request."""
    user = current_user()
    if user is None:
        abort(401)
    return user


def visible_assets(user: User) -> list[Asset]:
    """The user's own assets, all for an admin, by name."""
    query = select(Asset).order_by(Asset.display_name, Asset.id)
    if not user.is_admin:
        query = query.where(Asset.owner_id == user.id)
    return list(db.session.scalars(query))


def asset_or_404(asset_id: int, action: str = "read") -> Asset:
    """The asset; 404 when there is none of that id, and the same when the user may not do that to it."""
    found = db.session.get(Asset, asset_id) if asset_id <= LARGEST_ID else None
    if found is None or not may(user_or_401(), action, found):
        abort(404)
    return found
