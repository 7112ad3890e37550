"""Groups of entry points by which installed packages bring plugins and commands; importing this costs nothing."""

from __future__ import annotations

# Plugins that come with FlexMeasures, which get names first, and those of everybody else.
BUILT_IN_PLUGINS = "flexmeasures.builtin_plugins"
PLUGINS = "flexmeasures.plugins"
# Commands, "module:command" by name; a name with a dot goes under a group, as "add.forecasts".
COMMANDS = "flexmeasures.commands"

# They belong to the app; these lines spare making it for the list of commands.
APP_COMMANDS = {
    "roles": "Create, grant and revoke roles (Flask-Security).",
    "users": "Create, activate and change users (Flask-Security).",
}
