"""Lists of pages as CSV and JSON, by the same address with `format=csv` or `format=json`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from flask import Response, abort, request

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for the beginning of a formula


def asked_file(
    name: str, columns: Sequence[str], rows: Callable[[], Iterable[Mapping[str, Any]]]
) -> Response | None:
    """The rows as the file that the request asks for by `format`; None for a page, 400 for anything else."""
    kind = request.args.get("format", "html")
    if kind == "csv":
        return csv_response(name, columns, rows())
    if kind == "json":
        return Response(orjson.dumps(list(rows())), content_type="application/json")
    if kind != "html":
        abort(400, description="format is not understood. Accepted: html, csv, json.")
    return None


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """A file of that name; texts that a spreadsheet would take for a formula begin with an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(columns))
    writer.writeheader()
    for row in rows:
        writer.writerow({column: _plain(value) for column, value in row.items()})
    response = Response(text.getvalue(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
