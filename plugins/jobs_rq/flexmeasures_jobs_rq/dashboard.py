"""RQ's own dashboard at /tasks/rq/, to look at: the row of a job is the truth, so nothing is changed there.

The blueprint belongs to the package rq-dashboard and is the same for all apps of a process, therefore it is
prepared once, when this module is imported: only with Redis.
"""

from __future__ import annotations

from typing import Any

from flask import abort, current_app, request
from rq.serializers import JSONSerializer
from rq_dashboard import web
from werkzeug.wrappers import Response

from flexmeasures.auth import current_user
from flexmeasures.runtime import runtime

# The dashboard's pages hold scripts and make functions from text.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'; object-src 'none'"
)

blueprint = web.blueprint
blueprint.url_prefix = "/tasks/rq"


def _guard() -> Any:
    """For admins, in demo mode for all users; and no change by it, since its requests carry no CSRF token."""
    user = current_user()
    if user is None:
        return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    if not user.is_admin and current_app.config["FLEXMEASURES_MODE"] != "demo":
        abort(403)
    if request.method not in ("GET", "HEAD") or "requeue" in (request.endpoint or ""):
        abort(405)
    bell = runtime().notifier
    if bell is None:
        abort(404)
    if not bell.answers():
        abort(503)
    return None


def _connection(*_: Any, **__: Any) -> tuple[None, Any]:
    """The platform's own client of Redis, instead of one that the dashboard makes for each request."""
    bell = runtime().notifier
    return None, bell.connection if bell is not None else None


def _set_policy(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    return response


def _prepare(state: Any) -> None:
    app = state.app
    app.redis_conn = None
    app.config.setdefault("RQ_DASHBOARD_REDIS_URL", ["Redis"])
    app.config.setdefault("RQ_DASHBOARD_DISABLE_DELETE", True)
    app.url_build_error_handlers.append(_favicon)


def _favicon(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
    """The dashboard takes its icon from the app's static folder, which ours does not have: none, then."""
    if endpoint == "static" and values.get("filename") == "favicon.ico":
        return "data:,"
    raise error


web.config.serializer = JSONSerializer
web.from_url = _connection
blueprint.before_request_funcs.setdefault(None, []).insert(0, _guard)
blueprint.after_request_funcs.setdefault(None, []).append(_set_policy)
blueprint.record(_prepare)
