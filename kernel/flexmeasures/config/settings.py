"""Every setting of the kernel as a row: name, default, type, what it does, and where our default is another."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

Kind: TypeAlias = "type[Any]"


class LogLevel(int):
    """Type of a setting that is a logging level, by number or name (DEBUG, INFO, WARNING, ERROR, CRITICAL)."""


class TimezoneName(str):
    """Type of a setting that is the IANA name of a time zone, such as Europe/Amsterdam."""

    __slots__ = ()


@dataclass(frozen=True)
class Setting:
    """One setting.

    default: as documented. type: bool, int, float, str, list, tuple, dict, timedelta, LogLevel, TimezoneName,
    or object for "anything". help: what it does. deviation: where its effective default differs from the
    documented one. chapter: of the documentation. choices: what is accepted, () for anything of the type.
    """

    name: str
    default: Any
    type: Kind
    help: str
    deviation: str = ""
    chapter: str = ""
    choices: tuple[Any, ...] = ()


def is_secret(name: str) -> bool:
    """Whether the setting of that name must not be shown."""
    return re.search(r"SECRET|PASSWORD|SALT|(?<!SUPPORTS_)CREDENTIALS|_KEY$|_TOKEN$", name) is not None


ENVIRONMENTS = ("documentation", "development", "testing", "staging", "production")

# What an environment changes in the defaults, once it is named.
ENVIRONMENT_DEFAULTS: dict[str, dict[str, Any]] = {
    "documentation": {},
    "development": {
        "DEBUG": True,
        "FLEXMEASURES_MODE": "development",
        "FLEXMEASURES_PROFILE_REQUESTS": True,
        "LOGGING_LEVEL": logging.DEBUG,
    },
    "testing": {"TESTING": True, "FLEXMEASURES_MODE": "test"},
    "staging": {"LOGGING_LEVEL": logging.WARNING},
    "production": {"LOGGING_LEVEL": logging.ERROR, "FLEXMEASURES_HIDE_UNKNOWN_USERS": True},
}

POSTGRESQL_ENGINE_OPTIONS: dict[str, Any] = {
    "pool_recycle": 299,
    "pool_pre_ping": True,
    "connect_args": {"options": "-c timezone=utc"},
}

# Where a default of our own replaces the documented one. What depends on other settings, config.py works out.
OWN_DEFAULTS: dict[str, Any] = {
    "FLASK_ENV": None,
    "FLEXMEASURES_LP_SOLVER": "highs",
    "FLEXMEASURES_REDIS_URL": None,
    "SQLALCHEMY_ENGINE_OPTIONS": {},
}

_ENVIRONMENT_HELP = "The kind of place this runs in; it changes a few defaults."
_ENVIRONMENT_DEVIATION = (
    "unset: development (without debugging) when the database is the instance's SQLite file, else production"
)

_BASIC = (
    Setting(
        "FLASK_ENV",
        "production",
        str,
        _ENVIRONMENT_HELP,
        deviation=_ENVIRONMENT_DEVIATION,
        chapter="1.1.3",
        choices=ENVIRONMENTS,
    ),
    Setting(
        "FLEXMEASURES_ENV",
        None,
        str,
        "Another name for FLASK_ENV; this one wins when both are given in one place.",
        choices=ENVIRONMENTS,
    ),
    Setting(
        "LOGGING_LEVEL",
        logging.WARNING,
        LogLevel,
        "From which level on messages are written to flexmeasures.log in the instance folder.",
        chapter="2.1.1",
    ),
    Setting(
        "FLEXMEASURES_MODE",
        "",
        str,
        '"play" for simulations and "demo" for showing old data as new; any other word has no effect.',
        chapter="2.1.2",
    ),
    Setting(
        "FLEXMEASURES_LP_SOLVER",
        "cbc",
        str,
        "Which solver Pyomo calls to make schedules: highs, cbc, glpk, cplex, gurobi ...",
        deviation='"highs", which is installed with FlexMeasures',
        chapter="2.1.3",
    ),
    Setting(
        "FLEXMEASURES_HOSTS_AND_AUTH_START",
        {"flexmeasures.io": "2021-01"},
        dict,
        "Domains of this server and the month (YYYY-MM) since when they are ours, for entity addresses.",
        chapter="2.1.4",
    ),
    Setting(
        "FLEXMEASURES_PLUGIN_PATHS",
        [],
        list,
        "Folders of plugins; the __init__.py of each defines a Blueprint or hooks.",
        chapter="2.1.5",
    ),
    Setting("FLEXMEASURES_PLUGINS", [], list, "More plugins: folders or names of importable modules."),
    Setting("FLEXMEASURES_DISABLED_PLUGINS", [], list, "Names of installed plugins that are not loaded."),
    Setting(
        "FLEXMEASURES_STRICT_PLUGINS", False, bool, "Stop at a broken plugin instead of going on without it."
    ),
    Setting(
        "FLEXMEASURES_PLUGIN_TIMEOUT",
        timedelta(seconds=30),
        timedelta,
        "How long the import or a set-up hook of a plugin may take before it is given up; 0 for ever.",
    ),
    Setting(
        "FLEXMEASURES_NO_PLUGINS",
        False,
        bool,
        "Safe mode: load only the plugins that come with FlexMeasures (as `flexmeasures --no-plugins`).",
    ),
    Setting(
        "FLEXMEASURES_DB_BACKUP_PATH",
        "migrations/dumps",
        str,
        "Folder for database backups.",
        deviation="relative to the instance folder, not to the working directory",
        chapter="2.1.6",
    ),
    Setting(
        "FLEXMEASURES_PROFILE_REQUESTS",
        False,
        bool,
        "Measure how long requests take (for developers).",
        chapter="2.1.7",
    ),
    Setting(
        "MAX_CONTENT_LENGTH",
        16 * 1024 * 1024,
        int,
        "Largest request body that is read, in bytes; larger ones are answered with 413.",
    ),
)

_ALGORITHMS = (
    Setting(
        "FLEXMEASURES_JOBS",
        "",
        str,
        '"inline" runs each job at once in the process that asked for it; otherwise workers run them.',
        choices=("", "inline"),
    ),
    Setting(
        "FLEXMEASURES_JOB_TIMEOUT",
        timedelta(minutes=30),
        timedelta,
        "How long one job may take; the worker that takes longer is ended, and another one gets the job.",
    ),
    Setting("FLEXMEASURES_WORKERS", 2, int, "How many worker processes `flexmeasures run` starts."),
)

_PAGES = (
    Setting(
        "FLEXMEASURES_PLATFORM_NAME",
        "FlexMeasures",
        str,
        "Name of the platform in headings.",
        chapter="2.2.1",
    ),
)

_TIMING = (
    Setting(
        "FLEXMEASURES_TIMEZONE",
        "Asia/Seoul",
        TimezoneName,
        "Time zone in which times are shown and dates without zone are read.",
        chapter="2.3.1",
    ),
)

_DATABASE = (
    Setting(
        "SQLALCHEMY_DATABASE_URI",
        None,
        str,
        "The database: postgresql://<user>:<password>@<host>[:<port>]/<database>, or sqlite:///<file>.",
        deviation="unset: flexmeasures.db (SQLite) in the instance folder",
        chapter="2.5.1",
    ),
    Setting(
        "SQLALCHEMY_ENGINE_OPTIONS",
        POSTGRESQL_ENGINE_OPTIONS,
        dict,
        "Arguments of SQLAlchemy's create_engine.",
        deviation="empty unless the database is PostgreSQL",
        chapter="2.5.2",
    ),
)

_SECURITY = (
    Setting(
        "SECRET_KEY",
        None,
        str,
        "Signs sessions and tokens. Keep it secret and the same.",
        deviation="unset: made once in <instance>/secret_key; refused in production and staging",
        chapter="2.6.1",
    ),
    Setting(
        "SECURITY_PASSWORD_SALT",
        None,
        str,
        "Extra salt (pepper) of passwords; unset: SECRET_KEY.",
        chapter="2.6.2",
    ),
    Setting(
        "SECURITY_TOKEN_AUTHENTICATION_HEADER",
        "Authorization",
        str,
        "Request header that carries the token.",
        chapter="2.6.3",
    ),
    Setting(
        "SECURITY_TOKEN_MAX_AGE", 6 * 60 * 60, int, "How long tokens are valid, in seconds.", chapter="2.6.4"
    ),
    Setting("SECURITY_TRACKABLE", False, bool, "Record more about logins of users.", chapter="2.6.5"),
    Setting(
        "FLEXMEASURES_HIDE_UNKNOWN_USERS",
        False,
        bool,
        "Answer requestAuthToken alike for an unknown user and a wrong password; on in production.",
    ),
    Setting(
        "FLEXMEASURES_FAILED_LOGINS_BY_ADDRESS",
        "20 per minute; 100 per hour",
        str,
        "How many logins and requests of tokens may fail from one address; empty: any number.",
    ),
    Setting(
        "FLEXMEASURES_FAILED_LOGINS_BY_ACCOUNT",
        "10 per minute; 50 per hour",
        str,
        "How many logins and requests of tokens may fail for one email address; empty: any number.",
    ),
    Setting(
        "FLEXMEASURES_PASSWORD_RESETS",
        "10 per hour",
        str,
        "How many mails that reset passwords may be asked for, from one address and for one email address; empty: any"
        " number.",
    ),
    Setting(
        "FLEXMEASURES_TRUSTED_PROXIES",
        0,
        int,
        "How many proxies stand before the server, whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    ),
    Setting(
        "TRUSTED_HOSTS",
        None,
        list,
        "Host names that requests may be made to (.example.com: all below it); unset: any, and in production "
        "no password reset by mail, as links in mails name the host of the request.",
    ),
    Setting(
        "CORS_ORIGINS",
        [],
        list,
        'Other origins whose pages may call the API; "*" for all.',
        chapter="2.6.6",
    ),
    Setting(
        "CORS_RESOURCES",
        [r"/api/*"],
        object,
        "Paths that those origins may call: a regular expression, a list, or a dictionary with options.",
        chapter="2.6.7",
    ),
    Setting(
        "CORS_SUPPORTS_CREDENTIALS",
        True,
        bool,
        "Whether pages of those origins may send cookies and credentials.",
        chapter="2.6.8",
    ),
)

_MAIL = (
    Setting("MAIL_SERVER", "localhost", str, "Host of the mail server.", chapter="2.7.1"),
    Setting("MAIL_PORT", 25, int, "Its port.", chapter="2.7.2"),
    Setting("MAIL_USE_TLS", False, bool, "Whether to use STARTTLS.", chapter="2.7.3"),
    Setting("MAIL_USE_SSL", False, bool, "Whether to use TLS from the start.", chapter="2.7.4"),
    Setting("MAIL_USERNAME", None, str, "Name to log in with at the mail server.", chapter="2.7.5"),
    Setting(
        "MAIL_DEFAULT_SENDER",
        ("FlexMeasures", "no-reply@example.com"),
        tuple,
        "Name and address that mails come from.",
        chapter="2.7.6",
    ),
    Setting("MAIL_PASSWORD", None, str, "Password at the mail server.", chapter="2.7.7"),
)

_REDIS_DEVIATION = (
    "used only when one of FLEXMEASURES_REDIS_* is set; else the queue is a table of the database"
)

_REDIS = (
    Setting(
        "FLEXMEASURES_REDIS_URL",
        "localhost",
        str,
        "Host of the Redis server of the job queues.",
        deviation="unset, unless another FLEXMEASURES_REDIS_* is set: the queue is a table of the database",
        chapter="2.8.1",
    ),
    Setting("FLEXMEASURES_REDIS_PORT", 6379, int, "Its port.", deviation=_REDIS_DEVIATION, chapter="2.8.2"),
    Setting(
        "FLEXMEASURES_REDIS_DB_NR",
        0,
        int,
        "Number of its database.",
        deviation=_REDIS_DEVIATION,
        chapter="2.8.3",
    ),
    Setting("FLEXMEASURES_REDIS_PASSWORD", None, str, "Its password.", chapter="2.8.4"),
)

SETTINGS: tuple[Setting, ...] = (
    *_BASIC,
    *_ALGORITHMS,
    *_PAGES,
    *_TIMING,
    *_DATABASE,
    *_SECURITY,
    *_MAIL,
    *_REDIS,
)
