"""create(): the steps that make the Flask app, in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, redirect, request
from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader
from sqlalchemy import Engine
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable

from flexmeasures import auth, config, forecasting, registering, scheduling, sites
from flexmeasures.db import db, is_away, is_full, prepare_engine
from flexmeasures.hookspecs import Health
from flexmeasures.platform import Platform, platform
from flexmeasures.plugins import BROKEN, INCOMPATIBLE, Plugin, Plugins
from flexmeasures.ui.utils.view_utils import base_context

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
# What works with Bokeh (it makes style elements in its shadow roots) and refuses everything else.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-elem 'self' 'unsafe-inline';"
    " img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'; object-src 'none'"
)
# When the connection is lost during a commit, nobody knows whether it took place: what can be promised is this.
AWAY = "The database does not answer just now. Send the request again: nothing is stored by half, or twice."
NO_ROOM = "The disk of the database is full; nothing was stored. Send the request again when there is room."


def create(
    env: str | None = None,
    path_to_config: str | Path | None = None,
    *,
    instance: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    plugins: list[str] | None = None,
) -> Flask:
    """Make the app.

    env: FLASK_ENV; path_to_config: configuration file; instance: instance folder; settings: the strongest
    source of settings; plugins: folders or modules, before those of FLEXMEASURES_PLUGINS. Raises
    SettingsError. A plugin that fails does not stop it (unless FLEXMEASURES_STRICT_PLUGINS).
    """
    folder = config.instance_path(instance)
    configuration = config.load(
        folder, named=config.is_named(instance), path_to_config=path_to_config, env=env, arguments=settings
    )
    loaded = _load_plugins(configuration.values, plugins or [])
    configuration = registering.settings(loaded, configuration)

    app = Flask(
        "flexmeasures",
        instance_path=str(folder),
        static_folder=None,
        template_folder=None,
        root_path=str(HERE),
    )
    app.url_map.merge_slashes = False  # /api//x is not there, rather than moved
    app.config.from_mapping(configuration.values)
    config.set_up_logging(app, [plugin.module.__name__ for plugin in loaded.active if plugin.module])
    for warning in configuration.warnings:
        app.logger.warning(warning)
    hub = app.extensions["flexmeasures"] = Platform(folder, configuration, loaded)
    hub.job_functions = {
        scheduling.FUNCTION: scheduling.schedule_job,
        sites.FUNCTION: sites.site_job,
        "forecast": forecasting.forecast_job,
    }

    _set_up_database(app)
    _set_up_bell(app)
    _set_up_mail(app)
    _set_up_security(app)
    _handle_errors(app)
    registering.algorithms(hub)
    registering.job_functions(hub)
    registering.recurring_jobs(hub)
    registering.queues_and_migrations(loaded)
    registering.blueprints(app, loaded)
    _set_up_templates(app)
    _serve_health_and_home(app)
    return app


def _load_plugins(values: Mapping[str, Any], first: list[str]) -> Plugins:
    loaded = Plugins(
        strict=values["FLEXMEASURES_STRICT_PLUGINS"],
        patience=values["FLEXMEASURES_PLUGIN_TIMEOUT"].total_seconds(),
        only_built_ins=values["FLEXMEASURES_NO_PLUGINS"],
    )
    paths = values["FLEXMEASURES_PLUGIN_PATHS"]
    if not isinstance(paths, list | tuple):
        log.warning("FLEXMEASURES_PLUGIN_PATHS is not a list of folders; none is loaded.")
        paths = []
    modules = [str(given) for given in (*first, *values["FLEXMEASURES_PLUGINS"])]
    loaded.load([str(path) for path in paths], modules, values["FLEXMEASURES_DISABLED_PLUGINS"])
    return loaded


def _set_up_database(app: Flask) -> None:
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)


def _set_up_bell(app: Flask) -> None:
    """The bell of the job table, where there is a Redis to carry it."""
    if app.config["FLEXMEASURES_REDIS_URL"] is None:
        return
    from flexmeasures.bell import Bell

    def engine() -> Engine:
        with app.app_context():
            return db.engine

    app.extensions["flexmeasures"].bell = Bell(app.config, engine)


def _set_up_mail(app: Flask) -> None:
    from flask_mailman import Mail

    Mail(app)


def _set_up_security(app: Flask) -> None:
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

    @app.before_request
    def to_https() -> Any:
        forwarded = request.headers.get("X-Forwarded-Proto", request.scheme)
        if secure and forwarded != "https" and not request.path.startswith("/health"):
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


def _set_up_templates(app: Flask) -> None:
    """Templates are asked for at plugins from paths, third-party packages, built-ins, and last at the kernel."""
    hub: Platform = app.extensions["flexmeasures"]
    loaders: list[BaseLoader] = []
    for plugin in hub.plugins.active:
        for blueprint in app.blueprints.values():
            if (
                hub.plugins.holder("blueprint", blueprint.name) is plugin
                and blueprint.jinja_loader is not None
            ):
                loaders.append(blueprint.jinja_loader)
    app.jinja_loader = ChoiceLoader([*loaders, FileSystemLoader(HERE / "templates")])
    app.context_processor(base_context)


def _handle_errors(app: Flask) -> None:
    @app.errorhandler(HTTPException)
    def answer(error: HTTPException) -> Any:
        hook = "render_api_error" if request.path.startswith("/api") else "render_error"
        response = platform().first(hook, error=error)
        return error.get_response() if response is None else response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Any:
        app.logger.exception("%s %s failed", request.method, request.path)
        db.session.rollback()
        if is_away(error):
            busy = ServiceUnavailable(NO_ROOM if is_full(error) else AWAY)
            busy.retry_after = 5
            return answer(busy)
        return answer(InternalServerError())


def _serve_health_and_home(app: Flask) -> None:
    @app.get("/health")
    def health() -> Any:
        parts = [_database_health(), *(_plugin_health(plugin) for plugin in platform().plugins.plugins)]
        parts += platform().ask("health")
        ok = all(part.ok for part in parts)
        body = {"status": "ok" if ok else "degraded", "parts": {part.name: _as_dict(part) for part in parts}}
        return jsonify(body), 200 if parts[0].ok else 503

    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):

        @app.get("/")
        @auth.login_required
        def home() -> Any:
            user = auth.current_user()
            answer = platform().first("home", user=user)
            return (
                answer
                if answer is not None
                else jsonify(message="FlexMeasures runs; no pages are installed.")
            )


def _as_dict(part: Health) -> dict[str, Any]:
    return {"ok": part.ok} | ({"detail": part.detail} if part.detail else {})


def _database_health() -> Health:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        log.warning("The database does not answer: %s", error)
        return Health(name="database", ok=False, detail="the database does not answer")
    return Health(name="database", ok=True)


def _plugin_health(plugin: Plugin) -> Health:
    failing = sorted(hook for name, hook in platform().plugins.failures if name == plugin.name)
    detail = f"fails in {', '.join(failing)}; see the log" if failing else ""
    if plugin.state in (BROKEN, INCOMPATIBLE):
        detail = f"{plugin.state}; see `flexmeasures plugins list`"
    return Health(name=f"plugin {plugin.name}", ok=not detail, detail=detail)
