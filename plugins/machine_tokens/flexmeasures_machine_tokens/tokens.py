"""Tokens made, told, revoked, and recognised."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from flask import Request, current_app
from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError

from flexmeasures.db import db, writing
from flexmeasures.errors import FlexMeasuresError, InputError, NotFound
from flexmeasures.models import User
from flexmeasures_machine_tokens.models import LONGEST_NAME, MachineToken

PREFIX = "fm_"  # by which people, and scanners of code, see what it is
RANDOM_BYTES = 32
MOST = 100  # of one user
NOTED = timedelta(hours=1)  # so seldom the last use is written down


def add_token(user: User, name: str, valid_for: timedelta | None = None) -> str:
    """A new token of the user, valid for that long (None: until it is revoked). It is told here and nowhere else.

    Raises InputError for a name that is empty, too long or taken, and for a user with very many tokens.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InputError("The name of a token is empty or too long.", "name", f"1 to {LONGEST_NAME} letters")
    if valid_for is not None and valid_for <= timedelta(0):
        raise InputError("A token must be valid for some time.", "valid_for", "a duration above 0")
    known = tokens_of(user)
    if name in {token.name for token in known}:
        raise InputError(f"There is a token {name!r} already.", "name", "another name")
    if len(known) >= MOST:
        raise InputError(f"There are {MOST} tokens already.", "name", "revoke those that are not in use")
    token, now = PREFIX + secrets.token_urlsafe(RANDOM_BYTES), datetime.now(UTC)
    with writing() as session:
        session.add(
            MachineToken(
                user_id=user.id,
                name=name,
                digest=_digest(token),
                created_at=now,
                ends_at=None if valid_for is None else now + valid_for,
            )
        )
    return token


def tokens_of(user: User) -> Sequence[MachineToken]:
    """The tokens of a user, the newest first; also those that have ended."""
    query = select(MachineToken).where(MachineToken.user_id == user.id)
    return db.session.scalars(query.order_by(MachineToken.id.desc())).all()


def revoke_token(user: User, token_id: int) -> str:
    """Make a token of the user invalid; returns its name. NotFound for one that is not there or somebody else's."""
    with writing() as session:
        found = session.get(MachineToken, token_id) if 0 < token_id < 2**31 else None
        if found is None or found.user_id != user.id:
            raise NotFound(f"There is no token {token_id}.")
        name = found.name
        session.delete(found)
    return name


def sent_token(request: Request) -> str:
    """The machine token that a request carries in the header of tokens, "" for none."""
    header: str = request.headers.get(current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"], "")
    token = header.removeprefix("Bearer ")
    return token if token.startswith(PREFIX) else ""


def user_of(token: str) -> User | None:
    """The active user of a valid token, else None; notes that it was used."""
    if not token.startswith(PREFIX):
        return None
    now = datetime.now(UTC)
    valid = or_(MachineToken.ends_at.is_(None), MachineToken.ends_at > now)
    query = select(MachineToken).where(MachineToken.digest == _digest(token), valid)
    found = db.session.scalar(query)
    user = db.session.get(User, found.user_id) if found is not None else None
    if found is None or user is None or not user.active:
        return None
    if found.used_at is None or now - found.used_at > NOTED:
        user_id = user.id
        with suppress(SQLAlchemyError, FlexMeasuresError), writing(lasting=False) as session:
            session.get_one(MachineToken, found.id).used_at = now  # a request is worth more than this note
        user = db.session.get(User, user_id)
    return user


def _digest(token: str) -> str:
    """Enough for a token, which is 256 random bits: nobody can try them all."""
    return hashlib.sha256(token.encode()).hexdigest()
