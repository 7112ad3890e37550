"""The schema of users as API, pages and command line take and give them. Contract 19."""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load, validate, validates
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.fields import Text
from flexmeasures.models.users import Role
from flexmeasures.timing import timezone


def normalised_email(text: str) -> str:
    """The form of an email address in which it is stored and compared; InputError when it is none."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise InputError(f"email {text!r} is not valid: {error}", "email", "an email address") from None


class EmailAddress(Text):
    """An email address, normalised."""

    json_schema: ClassVar = {"format": "email"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return normalised_email(super()._deserialize(value, attr, data, **kwargs))
        except InputError as error:
            raise ValidationError(str(error)) from None


class UserSchema(Schema):
    """A user without password; roles are ids. All errors of an input are reported together, `id` is ignored."""

    class Meta:
        unknown = RAISE

    id = fields.Integer(dump_only=True)
    email = EmailAddress(validate=validate.Length(max=255))
    username = Text(validate=validate.Length(min=1, max=255))
    active = fields.Boolean(truthy={True}, falsy={False})
    timezone = fields.String()
    flexmeasures_roles = fields.List(fields.Integer(strict=True), validate=validate.Length(max=100))

    @pre_load
    def without_id(self, data: Any, **_: Any) -> Any:
        return {key: value for key, value in data.items() if key != "id"} if isinstance(data, dict) else data

    @validates("username")
    def username_is_visible(self, value: str, data_key: str) -> None:
        del data_key
        if not value.strip():
            raise ValidationError("Must not be empty.")

    @validates("timezone")
    def timezone_exists(self, value: str, data_key: str) -> None:
        try:
            timezone(value, data_key)
        except InputError as error:
            raise ValidationError(str(error)) from None

    @validates("flexmeasures_roles")
    def roles_exist(self, value: list[int], data_key: str) -> None:
        del data_key
        known = {role.id: role.name for role in db.session.scalars(select(Role).order_by(Role.id))}
        unknown = [role_id for role_id in value if role_id not in known]
        if unknown:
            accepted = ", ".join(f"{role_id} ({name})" for role_id, name in known.items())
            raise ValidationError(f"There is no role {unknown[0]}. Accepted: {accepted}.")

    @staticmethod
    def dump_user(user: Any) -> dict[str, Any]:
        """A user as the API sends it."""
        return {
            "id": user.id,
            "email": user.email,
            "username": user.username,
            "active": user.active,
            "timezone": user.timezone,
            "flexmeasures_roles": sorted(role.id for role in user.roles),
        }
