"""Fields of forms: what is typed becomes what schemas take, and their messages stand at the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from flexmeasures_translation import gettext
from flexmeasures_ui.quantities import quantity


@dataclass(frozen=True)
class Field:
    """One field. kind: of the input element, or "select" with options of (value, title). numeric: of the value.

    unit: MW or MWh, in which a number is meant that is typed without a unit.
    """

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = False
    numeric: type[int] | type[float] | None = None
    unit: str = ""


def typed(fields: tuple[Field, ...], form: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, numbers as such; what is no number is left to the schema, which refuses it."""
    found: dict[str, Any] = {}
    for field in fields:
        text = form.get(field.name, "").strip()
        if not text:
            continue
        found[field.name] = text
        if field.numeric is not None:
            try:
                found[field.name] = quantity(text, field.unit) if field.numeric is float else int(text)
            except ValueError:
                continue
    return found


def messages(error: ValidationError) -> dict[str, str]:
    """The messages by field; those of no field under ""."""
    told = error.messages
    if not isinstance(told, Mapping):
        return {"": " ".join(gettext(str(each)) for each in told)}
    return {
        "" if str(name) == "_schema" else str(name): " ".join(gettext(str(text)) for text in each)
        if isinstance(each, list)
        else gettext(str(each))
        for name, each in told.items()
    }
