"""What shows a version to people and tools: its OpenAPI document, and a page that lets them read and try it.

The page is Swagger UI, whose files come from the installed package flask-swagger-ui.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, make_response, render_template, send_from_directory

from flexmeasures_api.messages.responses import answer
from flexmeasures_api.openapi.operations import described

if TYPE_CHECKING:
    from flexmeasures_api.blueprint import Version

OURS = Path(__file__).parents[1] / "static"
FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
KEPT_SECONDS = 24 * 3600

_DOCUMENT = described(public=True, tag="version", summary="The OpenAPI document of this version.")
_PAGE = described(
    public=True,
    tag="version",
    summary="A page that shows the OpenAPI document of this version.",
    answers={200: {"type": "string"}},
    answer_content="text/html",
)


def add_to(blueprint: Blueprint, version: Version) -> None:
    """Let a version's blueprint serve openapi.json and docs."""
    blueprint.add_url_rule("/openapi.json", "openapi", _DOCUMENT(partial(openapi, version)))
    blueprint.add_url_rule("/docs", "docs", _PAGE(partial(docs, version)))


def openapi(version: Version) -> Response:
    """Public: the OpenAPI document of a version."""
    from flexmeasures_api.openapi.document import document

    return answer(document(version))


def docs(version: Version) -> Response:
    """Public: a page that shows the OpenAPI document of a version; it needs no style elements, so none are allowed."""
    from flexmeasures.http import CONTENT_SECURITY_POLICY

    response = make_response(render_template("api/docs.html", version=version))
    policy = CONTENT_SECURITY_POLICY.replace(" style-src-elem 'self' 'unsafe-inline';", "")
    response.headers["Content-Security-Policy"] = policy
    return response


def static_file(name: str) -> Any:
    """A file of the page, of ours or of Swagger UI."""
    if name == "docs.js":
        return send_from_directory(OURS, name, max_age=KEPT_SECONDS)
    if name not in FILES:
        abort(404)
    return send_from_directory(_swagger_ui(), name, max_age=KEPT_SECONDS)


def _swagger_ui() -> Path:
    """Where the package's files are; it is not imported."""
    spec = find_spec("flask_swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        abort(501, "flask-swagger-ui is not installed, whose files this page needs.")
    return Path(spec.submodule_search_locations[0]) / "dist"
