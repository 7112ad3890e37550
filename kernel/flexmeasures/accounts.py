"""What is done to accounts: changing a user, and giving them a new password."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from flask import current_app
from sqlalchemy import select

from flexmeasures import mail
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models.users import Role, User
from flexmeasures.structure import refuse_taken
from flexmeasures.user_schemas import UserSchema


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
