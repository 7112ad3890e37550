"""create(): the steps that make the Flask app, in order."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import ChoiceLoader, FileSystemLoader

from flexmeasures import auth, config
from flexmeasures import plugins as the_plugins
from flexmeasures.db import db, prepare_engine
from flexmeasures.health import serve_health_and_home
from flexmeasures.http import handle_errors, set_up_security
from flexmeasures.plugins import Plugins
from flexmeasures.runtime import Runtime
from flexmeasures.ui.utils.view_utils import base_context

log = logging.getLogger(__name__)

HERE = Path(__file__).parent


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
    loaded = _load_plugins(configuration.values, plugins or [], folder)
    configuration = the_plugins.settings(loaded, configuration)

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
    hub = app.extensions["flexmeasures"] = Runtime(folder, configuration, loaded)
    _set_up_database(app)
    _set_up_mail(app)
    set_up_security(app)
    handle_errors(app)
    hub.notifier = the_plugins.notifier(app, loaded)
    the_plugins.set_up(app, loaded)
    the_plugins.job_functions(hub)
    the_plugins.recurring_jobs(hub)
    the_plugins.queues_and_migrations(loaded)
    app.context_processor(base_context)
    the_plugins.blueprints(app, loaded)
    auth.limit_guesses(app, None if hub.notifier is None else hub.notifier.connection)
    _set_up_templates(app)
    serve_health_and_home(app)
    return app


def _load_plugins(values: Mapping[str, Any], first: list[str], instance: Path) -> Plugins:
    loaded = Plugins(
        strict=values["FLEXMEASURES_STRICT_PLUGINS"],
        patience=values["FLEXMEASURES_PLUGIN_TIMEOUT"].total_seconds(),
        only_built_ins=values["FLEXMEASURES_NO_PLUGINS"],
        instance=instance,
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


def _set_up_mail(app: Flask) -> None:
    from flask_mailman import Mail

    Mail(app)


def _set_up_templates(app: Flask) -> None:
    """Templates are asked for at plugins from paths, third-party packages, built-ins, and last at the kernel."""
    hub: Runtime = app.extensions["flexmeasures"]
    own = FileSystemLoader(HERE / "templates")
    the_plugins.templates(app, hub.plugins, own)
    loaders = [
        loader for plugin in hub.plugins.active for loader in the_plugins.loaders_of(app, hub.plugins, plugin)
    ]
    app.jinja_loader = ChoiceLoader([*loaders, own])
