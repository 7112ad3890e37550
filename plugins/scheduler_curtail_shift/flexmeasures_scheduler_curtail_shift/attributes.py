"""What an asset's attributes say of its curtailment or its process; wrong ones are named."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from flexmeasures.errors import AlgorithmError
from flexmeasures_master_data import AwareTime, Duration

CURTAILMENT, PROCESS = "curtailment", "process"


class CurtailmentSchema(Schema):
    """The attribute `curtailment`: which part of the expected power may go, and what that costs."""

    share = fields.Float(load_default=1.0, validate=validate.Range(0, 1))
    price_per_mwh = fields.Float(load_default=0.0, validate=validate.Range(0))
    limit_in_mw = fields.Float(load_default=inf, validate=validate.Range(0))
    most_in_mwh = fields.Float(load_default=inf, validate=validate.Range(0))


class ProcessSchema(Schema):
    """The attribute `process`: a run of some length and power, and when it may be."""

    power_in_mw = fields.Float(required=True)
    duration = Duration(required=True)
    interruptible = fields.Boolean(load_default=False)
    earliest_start = AwareTime(load_default=None)
    latest_end = AwareTime(load_default=None)


def read(schema: Schema, name: str, attributes: Mapping[str, Any], asset: str) -> dict[str, Any]:
    """The attribute of that name, checked; AlgorithmError that names its wrong fields."""
    try:
        found: dict[str, Any] = schema.load(attributes.get(name) or {})
    except ValidationError as error:
        wrong = "; ".join(f"{field}: {' '.join(map(str, texts))}" for field, texts in _texts(error))
        raise AlgorithmError(f"The attribute {name} of asset {asset!r} is not understood: {wrong}") from None
    return found


def _texts(error: ValidationError) -> list[tuple[str, list[Any]]]:
    found: dict[str, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
    return [(str(field), texts if isinstance(texts, list) else [texts]) for field, texts in found.items()]
