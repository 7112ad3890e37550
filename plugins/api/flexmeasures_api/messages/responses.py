"""JSON answers, written by orjson: numpy arrays as they are, and null for what is not a number."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response


def answer(body: Any, http: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response; NaN and infinite numbers become null (in numpy arrays, too)."""
    return Response(
        orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS),
        status=http,
        headers=headers,
        mimetype="application/json",
    )
