"""What create() asks the plugins for: settings, job functions, queues, migrations, blueprints.

Each step checks what a plugin answers, claims its names, and notes how to take it away again.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from flexmeasures.config import SETTINGS, Setting, from_value
from flexmeasures.errors import PluginBroken, SettingsError
from flexmeasures.plugins.discovery import ACTIVE, BUILT_IN, Plugin, nearest
from flexmeasures.plugins.manager import KERNEL, Plugins, blueprints_of

if TYPE_CHECKING:
    from flask import Flask
    from jinja2 import BaseLoader

    from flexmeasures.config import Configuration
    from flexmeasures.hookspecs import JobNotifier, RecurringJob
    from flexmeasures.runtime import Runtime


_KERNEL_QUEUES = ("forecasting", "scheduling")


def settings(plugins: Plugins, configuration: Configuration) -> Configuration:
    """The configuration with the settings of plugins: what register_settings and __settings__ give."""
    for row in SETTINGS:
        plugins.claim("setting", row.name, KERNEL)
    for plugin in reversed(plugins.active):
        with plugins.guarding(plugin):
            rows = [
                *getattr(plugin.module, "__settings__", ()),
                *(plugins.answer(plugin, "register_settings") or ()),
            ]
            for row in rows:
                _check_setting(row)
                plugins.claim("setting", row.name, plugin)
            try:
                configuration = configuration.extended(rows) if rows else configuration
            except SettingsError as error:
                raise PluginBroken(str(error)) from None
    return configuration


def _check_setting(row: Any) -> None:
    if not isinstance(row, Setting):
        raise PluginBroken(f"__settings__ holds {row!r:.80}, which is no Setting")
    if not (isinstance(row.name, str) and row.name.isidentifier() and row.name.isupper()):
        raise PluginBroken(f"the name of a setting is to be in capitals, not {row.name!r:.80}")
    try:
        if row.default is not None:
            from_value(row.default, row, "its default")
    except SettingsError as error:
        raise PluginBroken(str(error)) from None
    except (KeyError, TypeError):
        raise PluginBroken(
            f"the setting {row.name} has type {row.type!r:.80}, which no setting can have"
        ) from None


def set_up(app: Flask, plugins: Plugins) -> None:
    """Let plugins put together what others bring by hooks of theirs."""
    for _ in plugins.asked("set_up", app=app):
        pass


def notifier(app: Flask, plugins: Plugins) -> JobNotifier | None:
    """What tells workers of jobs: that of the first plugin, in the order of calls, that brings one."""
    found = [brought for _, brought in plugins.asked("job_notifier", app=app)]
    return found[-1] if found else None


def job_functions(hub: Runtime) -> None:
    """Functions of jobs."""
    for plugin, functions in hub.plugins.asked("register_jobs"):
        with hub.plugins.guarding(plugin):
            for name, function in functions.items():
                replaced = hub.plugins.claim("job function", name, plugin)
                if replaced is None:
                    plugin.undo.append(functools.partial(_forget, hub.job_functions, name))
                else:
                    earlier = {name: hub.job_functions[name]}
                    plugin.undo.append(functools.partial(hub.job_functions.update, earlier))
                hub.job_functions[name] = function


def _forget(names: dict[str, Any], name: str) -> None:
    names.pop(name, None)


def queues_and_migrations(plugins: Plugins) -> None:
    """Check now what is used later, so that the state of each plugin is right from the start."""
    for name in _KERNEL_QUEUES:
        plugins.claim("queue", name, KERNEL)
    for plugin, names in plugins.asked("register_queues"):
        with plugins.guarding(plugin):
            for name in names:
                plugins.claim("queue", name, plugin)
    for _ in plugins.asked("register_migrations"):
        pass


def blueprints(app: Flask, plugins: Plugins) -> None:
    """Blueprints that the hook gives, then those at the top of the module; names are given to built-ins first."""
    from flexmeasures.plugins.app_guard import adding, claim_for_kernel, register_blueprint

    claim_for_kernel(app, plugins)
    for plugin in reversed(plugins.active):
        if plugin.state == ACTIVE:
            with plugins.guarding(plugin), adding(app, plugins, plugin):
                brought = plugins.answer(plugin, "register_blueprints", app=app) or []
                for blueprint in [*brought, *blueprints_of(plugin)]:
                    register_blueprint(app, plugins, plugin, blueprint)


def _setting(hub: Runtime, job: RecurringJob) -> Any:
    """What the setting says that switches a recurring job off."""
    if job.setting not in hub.configuration.values:
        raise PluginBroken(f"its recurring job {job.name!r} names the setting {job.setting!r}, which is none")
    return hub.configuration.values[job.setting]


def recurring_jobs(hub: Runtime) -> None:
    """Recurring jobs, whose function has to be a job function that is registered."""
    for plugin, brought in hub.plugins.asked("register_recurring_jobs"):
        with hub.plugins.guarding(plugin):
            for job in brought:
                if job.function not in hub.job_functions:
                    raise PluginBroken(
                        f"its recurring job {job.name!r} calls {job.function!r}, which is no job function"
                        f"{nearest(job.function, list(hub.job_functions))}"
                    )
                hub.plugins.claim("recurring job", job.name, plugin)
                if job.setting and not _setting(hub, job):
                    continue
                plugin.undo.append(functools.partial(_forget, hub.recurring_jobs, job.name))
                hub.recurring_jobs[job.name] = job


def loaders_of(app: Flask, plugins: Plugins, plugin: Plugin) -> list[BaseLoader]:
    """Where the templates of a plugin's Blueprints come from."""
    return [
        blueprint.jinja_loader
        for blueprint in app.blueprints.values()
        if plugins.holder("blueprint", blueprint.name) is plugin and blueprint.jinja_loader is not None
    ]


def templates(app: Flask, plugins: Plugins, kernel: BaseLoader) -> None:
    """Give the names of templates out: those of built-ins and of the kernel are not for others, unless replaced."""
    for plugin in reversed(plugins.active):
        if plugin.kind == BUILT_IN:
            for name in _templates_of(app, plugins, plugin):
                plugins.claim("template", name, plugin)
    for name in kernel.list_templates():
        if plugins.holder("template", name) is None:
            plugins.claim("template", name, KERNEL)
    for plugin in reversed(plugins.active):
        if plugin.kind != BUILT_IN:
            with plugins.guarding(plugin):
                for name in _templates_of(app, plugins, plugin):
                    if plugins.holder("template", name) is not None:
                        plugins.claim("template", name, plugin)


def _templates_of(app: Flask, plugins: Plugins, plugin: Plugin) -> set[str]:
    return {name for loader in loaders_of(app, plugins, plugin) for name in loader.list_templates()}
