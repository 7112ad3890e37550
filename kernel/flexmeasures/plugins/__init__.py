"""Plugins: found, checked, loaded one by one, and kept apart."""

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    from flexmeasures.plugins.discovery import BROKEN as BROKEN
    from flexmeasures.plugins.discovery import INCOMPATIBLE as INCOMPATIBLE
    from flexmeasures.plugins.discovery import Plugin as Plugin
    from flexmeasures.plugins.entry_groups import APP_COMMANDS as APP_COMMANDS
    from flexmeasures.plugins.entry_groups import BUILT_IN_PLUGINS as BUILT_IN_PLUGINS
    from flexmeasures.plugins.entry_groups import COMMANDS as COMMANDS
    from flexmeasures.plugins.entry_groups import PLUGINS as PLUGINS
    from flexmeasures.plugins.manager import Plugins as Plugins
    from flexmeasures.plugins.registration import blueprints as blueprints
    from flexmeasures.plugins.registration import job_functions as job_functions
    from flexmeasures.plugins.registration import loaders_of as loaders_of
    from flexmeasures.plugins.registration import notifier as notifier
    from flexmeasures.plugins.registration import queues_and_migrations as queues_and_migrations
    from flexmeasures.plugins.registration import recurring_jobs as recurring_jobs
    from flexmeasures.plugins.registration import set_up as set_up
    from flexmeasures.plugins.registration import settings as settings
    from flexmeasures.plugins.registration import templates as templates

__all__, __getattr__ = door(
    __name__,
    {
        "discovery": ("BROKEN", "INCOMPATIBLE", "Plugin"),
        "entry_groups": ("APP_COMMANDS", "BUILT_IN_PLUGINS", "COMMANDS", "PLUGINS"),
        "manager": ("Plugins",),
        "registration": (
            "blueprints",
            "job_functions",
            "loaders_of",
            "notifier",
            "queues_and_migrations",
            "recurring_jobs",
            "set_up",
            "settings",
            "templates",
        ),
    },
)
