"""Names that the house gives out before any plugin asks for one; importing them costs nothing."""

from __future__ import annotations

PLUGINS_GROUP = "flexmeasures.plugins"
COMMANDS_GROUP = "flexmeasures.commands"

# Distributions that come with the kernel. Their plugins are the built-ins, which get names first.
HOUSE = frozenset(
    f"flexmeasures-{room}"
    for room in (
        *("api", "api-v1", "api-v2", "cli", "ui", "scheduler-curtail-shift", "scheduler-storage", "demo"),
        *("forecaster-auto", "forecaster-gbm", "forecaster-ols"),
    )
)

KERNEL_COMMANDS = {
    "db": "flexmeasures.cli.database:db",
    "plugins": "flexmeasures.cli.plugins:plugins",
    "run": "flexmeasures.cli.run:run",
    "settings": "flexmeasures.cli.settings:settings",
    "shell": "flexmeasures.cli.shell:shell",
}

# They belong to the app; these lines spare making it for the list of commands.
APP_COMMANDS = {
    "roles": "Create, grant and revoke roles (Flask-Security).",
    "users": "Create, activate and change users (Flask-Security).",
}
