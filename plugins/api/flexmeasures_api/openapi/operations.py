"""What endpoints tell the OpenAPI document about themselves, beside their docstrings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from marshmallow import Schema

View = TypeVar("View", bound=Callable[..., Any])
JsonSchema = dict[str, Any]
# Of a body or an answer: what checks it, or what makes that inside the app, or else a JSON schema.
Shape = Schema | Callable[[], Schema] | JsonSchema


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One endpoint, for one HTTP method.

    tag: what it is about, unless its blueprint says it. query: the marshmallow schema of the query string, or a
    list of OpenAPI parameters. body: what is sent, of the content type `content`. answers: shapes by HTTP code,
    None for an answer without body. refusals: HTTP codes beside those that every endpoint has. public: no token
    is needed. examples: requests that work, by name (bodies, or keys of the query string).
    """

    summary: str = ""
    tag: str = ""
    description: str = ""
    query: Schema | list[JsonSchema] | None = None
    body: Shape | None = None
    content: str = "application/json"
    answers: Mapping[int, Shape | None] = field(default_factory=lambda: {200: {"type": "object"}})
    answer_content: str = "application/json"
    refusals: tuple[int, ...] = ()
    public: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)


Describe = Callable[[str], Operation]  # of an HTTP method


def described(**about: Any) -> Callable[[View], View]:
    """Decorate a view with its `Operation`, of those fields."""
    operation = Operation(**about)

    def always(method: str) -> Operation:
        del method
        return operation

    return partial(describing, describe=always)


def describing(view: View, describe: Describe) -> View:
    """The view, which now tells its Operation by HTTP method."""
    view.describe = describe  # type: ignore[attr-defined]
    return view


def operation_of(view: Callable[..., Any], method: str) -> Operation | None:
    """What a view tells about itself; None for one that tells nothing."""
    describe: Describe | None = getattr(view, "describe", None)
    return None if describe is None else describe(method)


def json_object(required: tuple[str, ...] = (), **properties: JsonSchema) -> JsonSchema:
    """The JSON schema of an object."""
    schema: JsonSchema = {"type": "object", "properties": properties}
    return schema | ({"required": list(required)} if required else {})
