"""Whose data a request sees: the key source(s) and what is admitted without it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select

from flexmeasures.db import db
from flexmeasures.models import Role, Source
from flexmeasures.models import User as UserTable
from flexmeasures.models.sources import FORECASTING_SCRIPT, SCHEDULING_SCRIPT, SCRIPT, USER
from flexmeasures_api.messages.addresses import LARGEST_ID
from flexmeasures_api.messages.parsing import check_names
from flexmeasures_api.messages.status_codes import Refused, shown

if TYPE_CHECKING:
    from flexmeasures.models import User

METER_DATA = (USER, SCRIPT)
PROGNOSES = (USER, SCHEDULING_SCRIPT, FORECASTING_SCRIPT, SCRIPT)
METER_DATA_COMPANY = "MDC"


@dataclass(frozen=True)
class Admitted:
    """Ids of the sources that a search takes; own: the requester's among them."""

    ids: Collection[int]
    own: int | None


def read_users(message: dict[str, Any]) -> set[int] | None:
    """Ids of the users that source or sources select, None when the key is not given.

    Each item is a role name (all active users with it) or a user id, digit strings too. Refused with
    INVALID_SOURCE when nobody at all is selected.
    """
    raw = message.get("source", message.get("sources"))
    if raw is None:
        return None
    items = raw if isinstance(raw, list) else [raw]
    check_names(len(items), "sources")
    ids = {number for item in items if (number := _user_id(item)) is not None}
    # No role has a NUL in its name, and PostgreSQL refuses to look for one.
    roles = {item for item in items if isinstance(item, str) and _user_id(item) is None and "\0" not in item}
    users = _users_with(roles)
    if ids:
        users |= set(db.session.scalars(select(UserTable.id).where(UserTable.id.in_(ids))))
    if not users:
        text = f"source {shown(raw)} selects nobody. Accepted: names of roles and ids of users."
        raise Refused("INVALID_SOURCE", text)
    return users


def _user_id(item: object) -> int | None:
    if isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 12:
        item = int(item)
    if isinstance(item, int) and not isinstance(item, bool) and 0 < item <= LARGEST_ID:
        return item
    return None


def _users_with(roles: Collection[str]) -> set[int]:
    return set(db.session.scalars(_with_roles(roles))) if roles else set()


def _with_roles(roles: Collection[str]) -> Select[int]:
    """Ids of the active users with one of the roles."""
    has_one = UserTable.roles.any(Role.name.in_(list(roles)))
    return select(UserTable.id).where(UserTable.active.is_(True), has_one)


def admitted(user: User, users: set[int] | None, types: Collection[str], everybody: bool) -> Admitted:
    """The sources whose beliefs a request sees, in one query.

    users: what read_users gave; None means everybody or, for meter data, the meter data companies. The
    requester is always among them, and scripts of the admitted types are never left out.
    """
    anybody = _OF_TYPES if everybody else _OF_COMPANIES
    query = anybody if users is None else _OF_SOME
    asked = {"types": list(types), "users": list({*(users or ()), user.id})}
    rows = db.session.execute(query, asked).all()
    return Admitted([id_ for id_, _ in rows], next((id_ for id_, owner in rows if owner == user.id), None))


# Made once: every reading request asks one of them, and to make it takes as long as to ask it.
_OF_TYPES = select(Source.id, Source.user_id).where(Source.type.in_(bindparam("types", expanding=True)))
_BY_SCRIPT, _BY_SOME = Source.type != USER, Source.user_id.in_(bindparam("users", expanding=True))
_OF_SOME = _OF_TYPES.where(_BY_SCRIPT | _BY_SOME)
_OF_COMPANIES = _OF_TYPES.where(
    _BY_SCRIPT | _BY_SOME | Source.user_id.in_(_with_roles((METER_DATA_COMPANY,)))
)
