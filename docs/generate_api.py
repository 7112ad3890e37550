"""The reference pages of the API: one for each version from its OpenAPI document, one of what has no version."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from wording import NOTE, prose, table

if TYPE_CHECKING:
    from flask import Flask

    from flexmeasures_api.blueprint import Version

VERSIONS = {
    "v1": "flexmeasures_api_v1.v1",
    "v1_1": "flexmeasures_api_v1.v1_1",
    "v1_2": "flexmeasures_api_v1.v1_2",
    "v1_3": "flexmeasures_api_v1.v1_3",
    "v2_0": "flexmeasures_api_v2.version",
}


def version_page(name: str, app: Flask) -> str:
    """What a version's declaration says, and every operation of its OpenAPI document."""
    from flexmeasures_api.openapi.document import document, routes

    version: Version = getattr(import_module(VERSIONS[name]), name.upper())
    text = f"# API, version {version.number}\n\n{NOTE}"
    text += (
        "{doc}`../howto/api` tells by examples how the API is used. A server shows this version at"
        f" `/api/{name}/docs`, and as OpenAPI document at `/api/{name}/openapi.json`.\n\n"
    )
    if rules := list(_rules_of(version)):
        text += "## Rules\n\n" + "".join(f"- {rule}\n" for rule in rules) + "\n"
    with app.test_request_context():
        described = document(version)
        for tag in (
            "version",
            "messages",
            "assets",
            "schedules",
            "sites",
            "accuracy",
            "tariffs",
            "users",
            "charts",
        ):
            operations = [
                _operation(described, path, method, rule.rule)
                for path, method, rule in routes(version)
                if described["paths"][path][method.lower()]["tags"] == [tag]
            ]
            if operations:
                text += f"## {tag.capitalize()}\n\n" + "".join(operations)
        return text + _schemas(described)


def unversioned_page(app: Flask) -> str:
    """Everything below /api that belongs to no version."""
    from flexmeasures_api.openapi.document import document, routes

    version: Version = import_module(VERSIONS["v2_0"]).V2_0
    text = f"# API, what has no version\n\n{NOTE}## Endpoints\n\n"
    with app.test_request_context():
        described, paths = document(version), {rule.rule: path for path, _, rule in routes(version)}
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
            if not rule.rule.startswith("/api/") or rule.rule.split("/")[2] in VERSIONS:
                continue
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                if rule.rule in paths:
                    text += _operation(described, paths[rule.rule], method, rule.rule)
                else:
                    doc = prose(inspect.getdoc(app.view_functions[rule.endpoint]))
                    text += f"### {method} {rule.rule}\n\n{doc}\n\n"
    return text


def _rules_of(version: Version) -> Iterator[str]:
    yield "**When it was known:** " + " ".join(prose(inspect.getdoc(version.timing)).split())
    if version.simplified_addresses:
        yield "**Addresses** of connections may be written as `owner:asset` or `asset` alone."
    if version.forecasts_from_prognoses:
        yield "**Prognoses** that were recorded after the fact are measurements, and ask for forecasts."
    if (rules := version.flexibility) is not None:
        events, assets = ", ".join(rules.event_types), ", ".join(rules.asset_types)
        yield f"**Events** of type {events}, for assets of type {assets}."
        plan = "by a job that the event asks for" if rules.by_job else "when it is asked for, and not stored"
        yield f"**Plans** are made {plan}."
        if rules.later_only:
            yield "**Order:** each event has a later datetime than the one before."
    if version.successor is not None:
        yield (
            f"**Deprecated:** answers carry the headers `Deprecation` and `Link` (to {version.successor});"
            " see `FLEXMEASURES_DEPRECATED_API_VERSIONS`."
        )


# -- one operation -------------------------------------------------------------------------------------


def _operation(described: dict[str, Any], path: str, method: str, rule: str) -> str:
    about = described["paths"][path][method.lower()]
    text = f"### {method} {rule}\n\n{prose(about['summary'])}\n\n{prose(about['description'])}\n\n"
    rows = [
        (
            f"`{parameter['name']}`",
            parameter["in"],
            _needed(parameter.get("required", False)),
            *_shape(_schema_of(parameter)),
        )
        for parameter in about["parameters"]
    ]
    body = about.get("requestBody", {}).get("content", {})
    for content, shape in body.items():
        where = "body" if content.endswith("json") else "form"
        if "$ref" in shape["schema"]:
            text += f"Body: {_type(shape['schema'])}.\n\n"
        else:
            needed = shape["schema"].get("required", ())
            rows += [
                (f"`{key}`", where, _needed(key in needed), *_shape(schema))
                for key, schema in shape["schema"]["properties"].items()
            ]
    text += table(("key", "in", "", "what", "meaning"), rows)
    for name, example in next(iter(body.values()), {}).get("examples", {}).items():
        text += f"Example ({name}):\n\n```json\n{json.dumps(example['value'], indent=2, ensure_ascii=False)}\n```\n\n"
    own = [_answer(*row) for row in about["responses"].items() if "$ref" not in row[1]]
    others = ", ".join(code for code, response in about["responses"].items() if "$ref" in response)
    return text + table(("answer", "what"), own) + f"Refused or failed with {others}: {{doc}}`errors`.\n\n"


def _schema_of(parameter: dict[str, Any]) -> dict[str, Any]:
    shape = parameter.get("schema") or parameter["content"]["application/json"]["schema"]
    return {"description": parameter.get("description", "")} | shape


def _needed(needed: bool) -> str:
    return "needed" if needed else ""


def _shape(schema: dict[str, Any]) -> tuple[str, str]:
    return _type(schema), prose(schema.get("description", ""))


def _type(schema: dict[str, Any]) -> str:
    """The type of a value in words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "enum" in schema:
        return " or ".join(f"`{choice}`" for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    word = str(schema.get("format") or schema.get("type", "anything"))
    bounds = [f"{sign} {schema[key]}" for key, sign in (("minimum", "≥"), ("maximum", "≤")) if key in schema]
    return " ".join([word, *bounds, *(["or null"] if schema.get("nullable") else [])])


def _answer(code: str, response: dict[str, Any]) -> tuple[str, str]:
    shapes = [shape["schema"] for shape in response.get("content", {}).values()]
    if not shapes:
        return code, "without a body"
    keys = ", ".join(f"`{key}`" for key in shapes[0].get("properties", ()))
    return code, keys or _type(shapes[0])


def _schemas(described: dict[str, Any]) -> str:
    """Tables of the fields of what bodies and answers hold."""
    text = ""
    for name, schema in sorted(described["components"]["schemas"].items()):
        needed = schema.get("required", ())
        rows = [
            (f"`{key}`", _needed(key in needed), *_shape(part)) for key, part in schema["properties"].items()
        ]
        text += f"### {name}\n\n" + table(("field", "", "what", "meaning"), rows)
    return f"## What bodies and answers hold\n\n{text}"


PAGES: dict[str, Callable[[Any], str]] = {"api": unversioned_page} | {
    f"api_{name}": partial(version_page, name) for name in VERSIONS
}
