"""Fields of schemas that refuse what the database cannot store."""

from __future__ import annotations

import unicodedata
from typing import Any

from marshmallow import ValidationError, fields


class Text(fields.String):
    """Text without control characters: they break logs and tables, and PostgreSQL refuses NUL."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if any(unicodedata.category(character) == "Cc" for character in text or ""):
            raise ValidationError("Must not hold control characters.")
        return text
