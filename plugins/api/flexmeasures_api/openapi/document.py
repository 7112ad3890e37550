"""The OpenAPI document of a version: made of its routes, of what their views tell, and of marshmallow schemas."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from flask import current_app, request
from marshmallow import Schema

from flexmeasures_api.deprecation import deprecated_since
from flexmeasures_api.installed import installed_versions
from flexmeasures_api.messages.status_codes import STATUSES
from flexmeasures_api.openapi.operations import JsonSchema, Operation, Shape, json_object, operation_of

if TYPE_CHECKING:
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin
    from werkzeug.routing import Rule

    from flexmeasures_api.blueprint import Version

OPENAPI = "3.0.3"
INTRODUCTION = (
    "Power is in MW; consumption is positive, production negative. Times carry a UTC offset, durations are ISO"
    " 8601. A GET takes the keys of its message from the query string (a list is a repeated key, or one JSON"
    " list), a POST from a JSON body. Get a token at /api/requestAuthToken and send it bare, without a prefix."
)
REASONS = {
    400: "The request is refused; status and message say why.",
    401: "There is no valid token, and no session.",
    403: "The user may not do this.",
    404: "There is no such thing.",
    413: "The body, or what the request is about, is too large.",
    422: "Some fields are not acceptable; message names them.",
    500: "A failure of the server.",
    501: "No plugin of this server does this.",
    503: "The server cannot do this just now: send the request again after the seconds of Retry-After.",
}
TAGS = {
    "messages": "Data and flexibility, in the messages of USEF.",
    "assets": "What there is to be planned.",
    "tariffs": "Markets whose prices are computed from others: parts, bands of time, VAT.",
    "users": "Who may use it.",
    "charts": "Pictures for pages of others.",
    "accuracy": "How good forecasts were.",
    "schedules": "Why plans are as they are, and what they would cost otherwise.",
    "version": "What this version can do.",
    "api": "Versions, and tokens for them.",
    "ops": "Whether the server and its tasks run.",
}
_ALWAYS = (500, 503)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(version: Version) -> Iterator[tuple[str, str, Rule]]:
    """(path, method, rule) of all that the document is about.

    That is everything below the version's path, and of what has no version all that describes itself.
    """
    others = set(installed_versions()) - {version.name}
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        parts = rule.rule.split("/")
        if parts[1] != "api" or parts[2] in others:
            continue
        for method in _METHODS:
            ours = parts[2] == version.name or operation_of(current_app.view_functions[rule.endpoint], method)
            if ours and method in (rule.methods or ()):
                path = rule.rule.replace("<version>", version.name)
                yield re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", path), method, rule


def document(version: Version) -> dict[str, Any]:
    """The OpenAPI document of a version, as this server answers it."""
    from apispec import APISpec
    from apispec.ext.marshmallow import MarshmallowPlugin

    marshmallow = MarshmallowPlugin()
    spec = APISpec(
        title="FlexMeasures",
        version=version.number,
        openapi_version=OPENAPI,
        info={"description": INTRODUCTION},
        servers=[{"url": request.script_root or "/"}],
        tags=[{"name": name, "description": about} for name, about in TAGS.items()],
        plugins=[marshmallow],
    )
    _add_components(spec)
    shapes = Shapes(spec, marshmallow)
    paths: dict[str, dict[str, Any]] = {}
    for path, method, rule in routes(version):
        paths.setdefault(path, {})[method.lower()] = _operation(version, shapes, rule, method)
    for path, operations in paths.items():
        spec.path(path, operations=operations)
    return dict(spec.to_dict())


def _add_components(spec: APISpec) -> None:
    header = current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    about = "A token of /api/requestAuthToken, bare: without the word Bearer before it."
    spec.components.security_scheme(
        "token", {"type": "apiKey", "in": "header", "name": header, "description": about}
    )
    spec.components.security_scheme(
        "session",
        {
            "type": "apiKey",
            "in": "cookie",
            "name": current_app.config["SESSION_COOKIE_NAME"],
            "description": "The session of who is logged in on the pages; what changes anything needs its CSRF token.",
        },
    )
    spec.components.schema("Error", _error())
    for code, reason in REASONS.items():
        statuses = [status for status, (http, _) in STATUSES.items() if http == code]
        words = f"{reason} One of {', '.join(statuses)}." if statuses else reason
        content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        spec.components.response(str(code), {"description": words, "content": content})


def _error() -> JsonSchema:
    """What every refusal and every failure is answered with."""
    return json_object(
        type={"type": "string", "description": "Of messages: the response's type."},
        result={"type": "string", "enum": ["Rejected"]},
        status={
            "oneOf": [{"type": "string"}, {"type": "integer"}],
            "description": "A status of messages, or else the HTTP code.",
        },
        message={
            "oneOf": [{"type": "string"}, {"type": "object"}],
            "description": "What was wrong, and what is accepted; with 422 by location and field.",
        },
    )


# -- one operation ---------------------------------------------------------------------------------------


def _operation(version: Version, shapes: Shapes, rule: Rule, method: str) -> dict[str, Any]:
    view = current_app.view_functions[rule.endpoint]
    about = operation_of(view, method) or Operation()
    summary, _, description = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": _operation_id(rule, method),
        "summary": about.summary or " ".join(summary.split()),
        "description": about.description or description,
        "tags": [about.tag or _tag(version, rule)],
        "parameters": [*_in_path(rule), *_in_query(about, shapes)],
        "responses": _responses(about, shapes),
        "security": [] if about.public else [{"token": []}, {"session": []}],
    }
    if about.body is not None:
        content = {"schema": shapes.reference(about.body)}
        if about.examples:
            content["examples"] = {name: {"value": example} for name, example in about.examples.items()}
        operation["requestBody"] = {"required": True, "content": {about.content: content}}
    if rule.rule.startswith(f"/api/{version.name}/") and deprecated_since(version.name) is not None:
        operation["deprecated"] = True
        _announce(operation["responses"])
    return operation


def _operation_id(rule: Rule, method: str) -> str:
    """The endpoint's own name; with the method where several have it, and marked where it is also unversioned."""
    name = rule.endpoint.rpartition(".")[2] + ("_of_version" if "version" in rule.arguments else "")
    several = len((rule.methods or set()) & set(_METHODS)) > 1
    return f"{name}_{method.lower()}" if several else name


def _tag(version: Version, rule: Rule) -> str:
    """What the operation is about: messages of the version, a resource of it, or what has no version."""
    blueprint = rule.endpoint.rpartition(".")[0]
    if blueprint == f"api_{version.name}":
        return "messages"
    return str(blueprint.removeprefix(f"api_{version.name}_").removeprefix("api_"))


def _in_path(rule: Rule) -> Iterator[JsonSchema]:
    for name in sorted(rule.arguments - {"version"}):
        whole = name.endswith("_id")
        schema: JsonSchema = {"type": "integer", "minimum": 1} if whole else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(about: Operation, shapes: Shapes) -> list[JsonSchema]:
    if about.query is None:
        return []
    if isinstance(about.query, Schema):
        schema = shapes.inline(about.query)
        needed = schema.get("required", ())
        parameters = [
            {"name": name, "in": "query", "required": name in needed, "schema": shape}
            for name, shape in schema["properties"].items()
        ]
    else:
        parameters = [dict(parameter) for parameter in about.query]
    for parameter in parameters:
        found = {
            name: {"value": example[parameter["name"]]}
            for name, example in about.examples.items()
            if about.body is None and parameter["name"] in example
        }
        if found:
            parameter["examples"] = found
    return parameters


def _responses(about: Operation, shapes: Shapes) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for code, shape in about.answers.items():
        responses[str(code)] = {"description": "Done."}
        if shape is not None:
            responses[str(code)]["content"] = {about.answer_content: {"schema": shapes.reference(shape)}}
    others = {*about.refusals, *_ALWAYS, *(() if about.public else (401,))} - set(about.answers)
    return responses | {str(code): {"$ref": f"#/components/responses/{code}"} for code in sorted(others)}


def _announce(responses: dict[str, Any]) -> None:
    headers = {
        "Deprecation": {
            "description": "Since when the version is deprecated (RFC 9745).",
            "schema": {"type": "string"},
        },
        "Link": {
            "description": "The same service of the version to use instead (RFC 8288).",
            "schema": {"type": "string"},
        },
    }
    for response in responses.values():
        if "$ref" not in response:
            response["headers"] = headers


class Shapes:
    """JSON schemas of what operations take and answer; those of marshmallow schemas become components."""

    def __init__(self, spec: APISpec, marshmallow: MarshmallowPlugin) -> None:
        if marshmallow.converter is None:
            raise RuntimeError("apispec has not set its marshmallow plugin up")
        self.spec, self.converter = spec, marshmallow.converter
        self.converter.add_attribute_function(_declared)  # type: ignore[no-untyped-call]

    def reference(self, shape: Shape) -> JsonSchema:
        """A JSON schema as it is; of a marshmallow schema, or its maker, a reference, or a list of them for `many`."""
        if callable(shape):
            shape = shape()
        if not isinstance(shape, Schema):
            return shape
        name = type(shape).__name__.removesuffix("Schema") + ("Change" if shape.partial else "")
        if name not in self.spec.components.schemas:
            self.spec.components.schema(name, self.inline(shape))
        reference = {"$ref": f"#/components/schemas/{name}"}
        return {"type": "array", "items": reference} if shape.many else reference

    def inline(self, shape: Schema) -> JsonSchema:
        """The JSON schema of one thing, with all spellings of its fields."""
        schema: JsonSchema = self.converter.schema2jsonschema(shape)  # type: ignore[no-untyped-call]
        required: list[str] = schema.get("required", [])
        for short, canonical in getattr(shape, "spellings", {}).items():
            schema["properties"][short] = schema["properties"][canonical]
            if canonical in required:
                required.remove(canonical)
                ways = [{"required": [short]}, {"required": [canonical]}]
                schema.setdefault("allOf", []).append({"anyOf": ways})
        return schema


def _declared(_: Any, field: Any, **__: Any) -> JsonSchema:
    """What our own fields say about themselves, for apispec knows only those of marshmallow."""
    return dict(getattr(field, "json_schema", {}))
