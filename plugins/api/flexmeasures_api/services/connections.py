"""getConnection: the user's connections as entity addresses."""

from __future__ import annotations

from typing import Any

from flask import current_app, request
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models import Asset
from flexmeasures.timing import server_now
from flexmeasures_api.blueprint import Call
from flexmeasures_api.messages.addresses import build_connection
from flexmeasures_api.messages.parsing import check_type


def get_connection(call: Call) -> dict[str, Any]:
    """Addresses and names of the user's assets (admin: all), newest first, as two parallel lists.

    Names are display names, in play mode unique names. The message's type may be missing.
    """
    if "type" in call.message:
        check_type(call.message, call.request_type)
    query = select(Asset).order_by(Asset.id.desc())
    if not call.user.is_admin:
        query = query.where(Asset.owner_id == call.user.id)
    assets = db.session.scalars(query).all()
    auth_start = current_app.config.get("FLEXMEASURES_HOSTS_AND_AUTH_START") or {}
    now = server_now()
    return {
        "connections": [
            build_connection(request.host, asset.owner_id, asset.id, auth_start, now) for asset in assets
        ],
        "names": [asset.name if call.play else asset.display_name for asset in assets],
    }
