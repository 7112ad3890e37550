"""What is done to accounts: changing a user, and giving them a new password."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app
from sqlalchemy import select

from flexmeasures.auth import mail
from flexmeasures.auth.user_schemas import UserSchema
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models.sensors import Sensor
from flexmeasures.models.sources import Source
from flexmeasures.models.users import Role, User
from flexmeasures.sensors import delete_sensor
from flexmeasures.sources import get_or_create, source_of
from flexmeasures.timing import timezone


def update_user(user: User, data: Mapping[str, Any]) -> User:
    """Change any fields of user_schemas.UserSchema; joins `with db.writing():`.

    Who is made inactive loses sessions and tokens. Raises marshmallow.ValidationError naming all bad fields,
    InputError for an email or username that another user has.
    """
    values = UserSchema(partial=True).load(data)
    refuse_taken(values, by=user)
    if values.get("active") is False and user.active:
        user.fs_uniquifier = secrets.token_hex(16)
    if "flexmeasures_roles" in values:
        wanted = select(Role).where(Role.id.in_(values.pop("flexmeasures_roles")))
        user.roles = list(db.session.scalars(wanted))
    for field, value in values.items():
        setattr(user, field, value)
    db.session.flush()
    return user


def reset_password(user: User) -> None:
    """Give a user a random password, end their sessions and tokens, and mail them how to set a new one.

    The mails go out before anything is stored, outside of any transaction: raises MailNotSent, or InputError
    while no links may be sent, and nothing has changed.
    """
    from flask_security.recoverable import generate_reset_password_token
    from flask_security.utils import hash_password, url_for_security

    if not current_app.config["SECURITY_RECOVERABLE"]:
        text = "No links to new passwords are sent until TRUSTED_HOSTS names this server."
        raise InputError(text, "TRUSTED_HOSTS", "a list of host names")
    after = {"password": hash_password(secrets.token_urlsafe(24)), "fs_uniquifier": secrets.token_hex(16)}
    to_be = User(id=user.id, username=user.username, email=user.email, **after)
    token = generate_reset_password_token(to_be)  # type: ignore[no-untyped-call]
    link = url_for_security("reset_password", token=token, _external=True)
    user_id = user.id
    db.session.commit()
    mail.send(
        to_be, "your password was reset", "An administrator has reset your password; you are logged out."
    )
    mail.send(to_be, "set a new password", f"Set a new password at {link}")
    with writing() as session:
        found = session.get_one(User, user_id)
        found.password, found.fs_uniquifier = after["password"], after["fs_uniquifier"]


# -- users ---------------------------------------------------------------------------------------------


def create_user(
    username: str,
    email: str,
    password: str | None = None,
    roles: Iterable[str] = (),
    timezone_name: str = "UTC",
) -> User:
    """A new user with its data source; roles come into being as needed. Without password: a random one.

    Raises InputError for a bad or taken email or username, or an unknown time zone.
    """
    from flask_security.utils import hash_password

    from flexmeasures.auth.user_schemas import normalised_email

    address = normalised_email(email)
    if not username.strip():
        raise InputError("username is empty.", "username", "a name")
    timezone(timezone_name, "timezone")
    refuse_taken({"email": address, "username": username})
    user = User(
        username=username,
        email=address,
        password=hash_password(password or secrets.token_urlsafe(24)),
        fs_uniquifier=secrets.token_hex(16),
        timezone=timezone_name,
        roles=[role_named(name) for name in dict.fromkeys(roles)],
    )
    db.session.add(user)
    db.session.flush()
    source_of(user)
    return user


def refuse_taken(fields: Mapping[str, Any], by: User | None = None) -> None:
    """InputError when somebody else (than `by`) has one of these values of fields that are unique among users."""
    for field in ("email", "username"):
        if field in fields:
            other = db.session.scalar(select(User.id).where(getattr(User, field) == fields[field]))
            if other is not None and (by is None or other != by.id):
                text = f"{field} {fields[field]!r} is taken already."
                raise InputError(text, field, "one that no other user has")


def role_named(name: str) -> Role:
    """The role of that name, made when it is missing."""
    return get_or_create(select(Role).where(Role.name == name), Role, name=name)


def delete_user(user: User) -> int:
    """Delete a user with their assets and these assets' beliefs; what the user said about others stays.

    Returns how many beliefs went.
    """
    owned = list(db.session.scalars(select(Sensor).where(Sensor.owner_id == user.id)))
    removed = sum(delete_sensor(sensor) for sensor in owned)
    for source in db.session.scalars(select(Source).where(Source.user_id == user.id)):
        source.user_id = None
    db.session.flush()
    db.session.delete(user)
    db.session.flush()
    return removed
