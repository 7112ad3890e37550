"""Security headers, https, and answers to errors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Flask, Response, redirect, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from flexmeasures import auth
from flexmeasures.db import db, is_away, is_full, log_outage
from flexmeasures.errors import SettingsError
from flexmeasures.runtime import runtime

# What works with Bokeh (it makes style elements in its shadow roots) and refuses everything else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-elem 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; object-src 'none'"
)
# When the connection is lost during a commit, nobody knows whether it took place: what can be promised is this.
AWAY = "The database does not answer just now. Send the request again: nothing is stored by half, or twice."
NO_ROOM = "The disk of the database is full; nothing was stored. Send the request again when there is room."


def set_up_security(app: Flask) -> None:
    from flask_cors import CORS

    secure = app.config["FLASK_ENV"] in ("production", "staging")
    if secure and not app.config["TRUSTED_HOSTS"]:
        # The link in the mail names the host of the request: anybody could have it name theirs.
        app.config["SECURITY_RECOVERABLE"] = False
        app.logger.warning(
            "Users cannot reset their passwords by mail until TRUSTED_HOSTS names this server."
        )
    auth.init(app)
    CORS(app)
    proxies = app.config["FLEXMEASURES_TRUSTED_PROXIES"]
    if proxies < 0:
        name = "FLEXMEASURES_TRUSTED_PROXIES"
        raise SettingsError(f"{name} is {proxies}. Accepted: a number of proxies, 0 for none.")
    if proxies > 0:
        from werkzeug.middleware.proxy_fix import ProxyFix

        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]

    @app.before_request
    def to_https() -> Any:
        # Where proxies are counted, the scheme is what the last trusted one says; else any proxy is believed here.
        told = request.scheme if proxies else request.headers.get("X-Forwarded-Proto", request.scheme)
        if secure and told != "https" and not request.path.startswith("/health"):
            return redirect(request.url.replace("http://", "https://", 1), code=301)
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
        if secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31556926")
        return response

    if secure:
        app.config["SESSION_COOKIE_SECURE"] = app.config["REMEMBER_COOKIE_SECURE"] = True


def handle_errors(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def answer(error: HTTPException) -> Any:
        hook = "render_api_error" if request.path.startswith("/api") else "render_error"
        response = runtime().first(hook, error=error)
        return error.get_response() if response is None else response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Any:
        with suppress(SQLAlchemyError):  # a connection that is gone has nothing to roll back
            db.session.rollback()
        if is_away(error):
            log_outage(app.logger, f"{request.method} {request.path}", error)
            busy = ServiceUnavailable(NO_ROOM if is_full(error) else AWAY)
            busy.retry_after = 5
            return answer(busy)
        app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
        return answer(InternalServerError())
