"""GET /health: database, Redis, plugins; and the way home."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from flask import Flask, jsonify

from flexmeasures import auth
from flexmeasures.db import db, log_outage
from flexmeasures.hookspecs import Health
from flexmeasures.plugins import BROKEN, INCOMPATIBLE, Plugin
from flexmeasures.runtime import runtime

ANSWERS_WITHIN = 1.5  # seconds
SILENT = {
    "database": "the database does not answer",
    "redis": "Redis does not answer; workers look for jobs in the database meanwhile",
}

log = logging.getLogger(__name__)


def serve_health_and_home(app: Flask) -> None:
    @app.get("/health")
    def health() -> Any:
        parts = parts_now()
        ok = all(part.ok for part in parts)
        body = {"status": "ok" if ok else "degraded", "parts": {part.name: _as_dict(part) for part in parts}}
        return jsonify(body), 200 if parts[0].ok else 503

    if not any(rule.rule == "/" for rule in app.url_map.iter_rules()):

        @app.get("/")
        @auth.login_required
        def home() -> Any:
            user = auth.current_user()
            answer = runtime().first("home", user=user)
            nothing = "FlexMeasures runs; no pages are installed."
            return jsonify(message=nothing) if answer is None else answer


def parts_now() -> list[Health]:
    """How each part of the system is: the database first, then Redis, plugins, and what plugins tell."""
    own = [*_answering(), *(_plugin_health(plugin) for plugin in runtime().plugins.plugins)]
    return own + runtime().ask("health")


def _as_dict(part: Health) -> dict[str, Any]:
    return {"ok": part.ok} | ({"detail": part.detail} if part.detail else {})


def _answering() -> list[Health]:
    """The database and, where it carries jobs, Redis: whether each answers soon enough."""
    engine, bell = db.engine, runtime().notifier

    def ask_database() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    asked: dict[str, Callable[[], object]] = {"database": ask_database}
    if bell is not None:
        asked["redis"] = bell.connection.ping
    # Not in a `with` block, whose end would wait for what hangs.
    pool = ThreadPoolExecutor(len(asked), thread_name_prefix="health")
    end = time.monotonic() + ANSWERS_WITHIN
    waiting = {name: pool.submit(copy_context().run, question) for name, question in asked.items()}
    pool.shutdown(wait=False)
    return [_answer(name, future, end - time.monotonic()) for name, future in waiting.items()]


def _answer(name: str, future: Future[object], seconds: float) -> Health:
    try:
        future.result(timeout=max(seconds, 0))
    except Exception as error:
        if name == "database":  # of Redis the bell itself tells
            log_outage(log, "GET /health", error)
        return Health(name=name, ok=False, detail=SILENT[name])
    return Health(name=name, ok=True)


def _plugin_health(plugin: Plugin) -> Health:
    failing = sorted(hook for name, hook in runtime().plugins.failures if name == plugin.name)
    detail = f"fails in {', '.join(failing)}; see the log" if failing else ""
    if plugin.state in (BROKEN, INCOMPATIBLE):
        detail = f"{plugin.state}; see `flexmeasures plugins list`"
    return Health(name=f"plugin {plugin.name}", ok=not detail, detail=detail)
