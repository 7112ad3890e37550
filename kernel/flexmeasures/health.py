"""GET /health: database, queue, plugins; and the way home."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, jsonify

from flexmeasures import auth
from flexmeasures.db import db, log_outage
from flexmeasures.hookspecs import Health
from flexmeasures.plugins import BROKEN, INCOMPATIBLE, Plugin
from flexmeasures.runtime import runtime


def serve_health_and_home(app: Flask) -> None:
    @app.get("/health")
    def health() -> Any:
        parts = [_database_health(), *(_plugin_health(plugin) for plugin in runtime().plugins.plugins)]
        parts += runtime().ask("health")
        ok = all(part.ok for part in parts)
        body = {"status": "ok" if ok else "degraded", "parts": {part.name: _as_dict(part) for part in parts}}
        return jsonify(body), 200 if parts[0].ok else 503

    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):

        @app.get("/")
        @auth.login_required
        def home() -> Any:
            user = auth.current_user()
            answer = runtime().first("home", user=user)
            return (
                answer
                if answer is not None
                else jsonify(message="FlexMeasures runs; no pages are installed.")
            )


def _as_dict(part: Health) -> dict[str, Any]:
    return {"ok": part.ok} | ({"detail": part.detail} if part.detail else {})


log = logging.getLogger(__name__)


def _database_health() -> Health:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        log_outage(log, "GET /health", error)
        return Health(name="database", ok=False, detail="the database does not answer")
    return Health(name="database", ok=True)


def _plugin_health(plugin: Plugin) -> Health:
    failing = sorted(hook for name, hook in runtime().plugins.failures if name == plugin.name)
    detail = f"fails in {', '.join(failing)}; see the log" if failing else ""
    if plugin.state in (BROKEN, INCOMPATIBLE):
        detail = f"{plugin.state}; see `flexmeasures plugins list`"
    return Health(name=f"plugin {plugin.name}", ok=not detail, detail=detail)
