"""Fields of schemas: minutes, times, durations and numbers, each with what is accepted."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from marshmallow import (
    ValidationError,
    fields,
)

from flexmeasures.errors import InputError
from flexmeasures.timing import iso_duration, parse_duration, parse_time


class Minutes(fields.Integer):
    """A positive whole number of minutes, read into a timedelta."""

    json_schema: ClassVar = {"minimum": 1, "maximum": 366 * 24 * 60}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        minutes = super()._deserialize(value, attr, data, **kwargs)
        if minutes is None or not 1 <= minutes <= 366 * 24 * 60:
            raise ValidationError("Must be a whole number of minutes, at least 1 and at most a year.")
        return timedelta(minutes=minutes)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else int(value / timedelta(minutes=1))


class AwareTime(fields.Field[datetime]):
    """An ISO 8601 time with UTC offset."""

    json_schema: ClassVar = {"type": "string", "format": "date-time"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            return parse_time(value, attr or "datetime")
        except InputError as error:
            raise ValidationError(str(error)) from None

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else value.isoformat()


class Duration(fields.Field[timedelta]):
    """A positive ISO 8601 duration."""

    json_schema: ClassVar = {"type": "string", "format": "duration"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> timedelta:
        try:
            duration = parse_duration(value, None, attr or "duration")
        except InputError as error:
            raise ValidationError(str(error)) from None
        if duration <= timedelta(0):
            raise ValidationError("Must be longer than nothing, such as PT15M.")
        return duration

    def _serialize(self, value: timedelta | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else iso_duration(value)


def number(**options: Any) -> fields.Float:
    """A finite number."""
    return fields.Float(allow_nan=False, **options)
