"""The configuration of one instance: defaults < file < .env < environment < argument.

Every known setting is a row of `settings.SETTINGS`; plugins add rows of their own. `load` reads the layers
once; `Configuration.extended` reads them again with the rows of plugins, which are found by the settings.
"""

from __future__ import annotations

import os
import re
import secrets
import traceback
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from flexmeasures.config.log_setup import set_up_logging
from flexmeasures.config.parsing import from_text, from_value
from flexmeasures.config.settings import (
    ENVIRONMENT_DEFAULTS,
    OWN_DEFAULTS,
    POSTGRESQL_ENGINE_OPTIONS,
    SETTINGS,
    LogLevel,
    Setting,
    TimezoneName,
    is_secret,
)
from flexmeasures.errors import SettingsError

__all__ = [
    "SETTINGS",
    "Configuration",
    "LogLevel",
    "Setting",
    "TimezoneName",
    "has_plugins",
    "instance_path",
    "is_named",
    "is_secret",
    "load",
    "set_up_logging",
]

FILE_NAME = "flexmeasures.cfg"
DATABASE_NAME = "flexmeasures.db"
SECRET_NAME = "secret_key"  # noqa: S105  the name of a file, not a secret

# Environment variables without a row are settings if they begin so (FLEXMEASURES_TEST_... steers our tests).
_FAMILIES = re.compile(
    r"(?!FLEXMEASURES_(TEST_|INSTANCE$))(FLEXMEASURES|SECURITY|SQLALCHEMY|MAIL|CORS|RQ_DASHBOARD|WTF)_[A-Z0-9_]+$"
)


class _Layer(NamedTuple):
    """One place that settings come from. In text, such as the environment, what is no setting is ignored."""

    origin: str
    values: Mapping[str, Any]
    is_text: bool = False

    def read(self, name: str, row: Setting | None) -> Any:
        value = self.values[name]
        if self.is_text:
            return from_text(value, row or Setting(name, None, object, ""), self.origin)
        return value if row is None else from_value(value, row, self.origin)

    def names(self, rows: Mapping[str, Setting]) -> Iterable[str]:
        if not self.is_text:
            return self.values
        return [name for name, text in self.values.items() if _is_set(text, rows.get(name), name)]


def _is_set(text: str | None, row: Setting | None, name: str) -> bool:
    """Whether a variable states a setting; an empty one does not, unless empty text is a value that counts."""
    if row is None:
        return bool(text) and _FAMILIES.match(name) is not None
    return bool(text and text.strip()) or (text == "" and row.type is str and row.default is not None)


@dataclass
class Configuration:
    """The settings of an instance in force.

    values: by name, as Flask's app.config takes them. origins: where each comes from: "default",
    "default in <environment>", "file <path>", ".env", "environment", "argument" or "instance". settings: the
    known rows. warnings: for the operator. embedded: whether the database is the instance's SQLite file.
    """

    instance: Path
    settings: tuple[Setting, ...]
    values: dict[str, Any] = field(default_factory=dict, repr=False)
    origins: dict[str, str] = field(default_factory=dict, repr=False)
    warnings: list[str] = field(default_factory=list)
    embedded: bool = False
    _layers: tuple[_Layer, ...] = field(default=(), repr=False)

    @property
    def environment(self) -> str:
        """documentation, development, testing, staging or production."""
        return str(self.values["FLASK_ENV"])

    def extended(self, extra: Iterable[Setting]) -> Configuration:
        """The same configuration with more rows: what files and environment say about them counts too."""
        known = {row.name for row in self.settings}
        rows = (*self.settings, *(row for row in extra if row.name not in known))
        return _resolve(self.instance, rows, self._layers, self.warnings)


def instance_path(given: str | Path | None = None) -> Path:
    """The instance folder: as given, else FLEXMEASURES_INSTANCE, else the user's data folder."""
    path = given or os.environ.get("FLEXMEASURES_INSTANCE")
    if path:
        return Path(path).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("flexmeasures")


def is_named(given: str | Path | None = None) -> bool:
    """Whether the instance was named; then only the configuration file of its own folder is read."""
    return bool(given or os.environ.get("FLEXMEASURES_INSTANCE"))


def load(
    instance: Path,
    *,
    named: bool,
    path_to_config: str | Path | None = None,
    env: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    extra: Iterable[Setting] = (),
) -> Configuration:
    """Read the configuration; make the instance folder (0700) and its secret key (0600) where missing.

    named: whether somebody chose this instance; if so, ~/.flexmeasures.cfg is not read. path_to_config: the
    only file to read. env: the environment's name. arguments: settings that win over all others. extra: rows
    of plugins. Raises SettingsError for a value, file, environment or folder that cannot be used.
    """
    _make_folder(instance)
    layers, warnings = _read_layers(instance, named, path_to_config)
    given = dict(arguments or {})
    if env is not None:
        given["FLEXMEASURES_ENV"] = env
    layers.append(_Layer("argument", given))
    return _resolve(instance, (*SETTINGS, *extra), tuple(layers), warnings)


def has_plugins(instance: Path, *, named: bool) -> bool:
    """Whether the settings name plugins besides the installed ones; makes no folder, secret or database."""
    layers, _ = _read_layers(instance, named, None)
    rows = {row.name: row for row in SETTINGS}
    lists = {"FLEXMEASURES_PLUGIN_PATHS", "FLEXMEASURES_PLUGINS"}
    return any(layer.read(name, rows[name]) for layer in layers for name in lists & set(layer.names(rows)))


def _make_folder(instance: Path) -> None:
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The instance folder {instance} cannot be made: {error.strerror}. "
            "Name another one by FLEXMEASURES_INSTANCE."
        ) from None


# -- layers ---------------------------------------------------------------------------------------------


def _read_layers(instance: Path, named: bool, given: str | Path | None) -> tuple[list[_Layer], list[str]]:
    warnings: list[str] = []
    layers = []
    path = _find_file(instance, named, given, warnings)
    if path is not None:
        layers.append(_Layer(f"file {path}", _run_file(path)))
    for folder in (Path.cwd(), instance):
        if (folder / ".env").is_file():
            from dotenv import dotenv_values

            layers.append(_Layer(".env", dotenv_values(folder / ".env"), is_text=True))
    layers.append(_Layer("environment", dict(os.environ), is_text=True))
    return layers, warnings


def _find_file(instance: Path, named: bool, given: str | Path | None, warnings: list[str]) -> Path | None:
    """The one configuration file that is read."""
    if given is not None:
        path = Path(given).expanduser().absolute()
        if not path.is_file():
            raise SettingsError(f"There is no configuration file {path}.")
        return path
    own = instance / FILE_NAME
    if named:
        return own if own.is_file() else None
    dotted, plain = Path.home() / f".{FILE_NAME}", Path.home() / FILE_NAME
    if dotted.is_file():
        return dotted
    if plain.is_file() and plain != own:
        warnings.append(f"Read {plain}; please rename it to {dotted}.")
        return plain
    return own if own.is_file() else None


def _run_file(path: Path) -> dict[str, Any]:
    """The names in capitals that the file, which is Python, defines."""
    module = ModuleType("config")
    module.__file__ = str(path)
    try:
        code = compile(path.read_bytes(), str(path), "exec")
        exec(code, module.__dict__)  # noqa: S102  the operator's own file, which is Python by its documentation
    except OSError as error:
        raise SettingsError(f"The configuration file {path} cannot be read: {error.strerror}.") from None
    except SyntaxError as error:
        raise SettingsError(f"{path}, line {error.lineno}: {error.msg}.") from None
    except Exception as error:
        lines = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise SettingsError(f"{where}: {type(error).__name__}: {error}.") from None
    return {name: value for name, value in vars(module).items() if name.isupper()}


# -- from layers to values ------------------------------------------------------------------------------


def _resolve(
    instance: Path, settings: tuple[Setting, ...], layers: tuple[_Layer, ...], warnings: list[str]
) -> Configuration:
    given, origins = _merge(layers, {row.name: row for row in settings})
    embedded = given.get("SQLALCHEMY_DATABASE_URI") is None
    is_named = given.get("FLASK_ENV") is not None
    environment = given["FLASK_ENV"] if is_named else "development" if embedded else "production"
    its_defaults = {} if embedded and not is_named else ENVIRONMENT_DEFAULTS[environment]
    defaults = deepcopy({row.name: row.default for row in settings} | OWN_DEFAULTS)
    values = defaults | its_defaults | given | {"FLASK_ENV": environment, "FLEXMEASURES_ENV": environment}
    origins = (
        dict.fromkeys(values, "default") | dict.fromkeys(its_defaults, f"default in {environment}") | origins
    )
    configuration = Configuration(instance, settings, values, origins, list(warnings), embedded, layers)
    _finish_database(configuration)
    _finish_redis(configuration)
    _finish_secrets(configuration)
    backups = Path(values["FLEXMEASURES_DB_BACKUP_PATH"]).expanduser()
    values["FLEXMEASURES_DB_BACKUP_PATH"] = str(instance / backups)
    return configuration


def _merge(layers: Iterable[_Layer], rows: Mapping[str, Setting]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the layers state, the last one winning, and which of them it was."""
    given: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        read = {name: layer.read(name, rows.get(name)) for name in layer.names(rows)}
        if read.get("FLEXMEASURES_ENV") is not None:
            read["FLASK_ENV"] = read["FLEXMEASURES_ENV"]
        given |= read
        origins |= dict.fromkeys(read, layer.origin)
    return given, origins


def _finish_database(configuration: Configuration) -> None:
    """Map the documented settings to SQLALCHEMY_ENGINES, which Flask-SQLAlchemy-Lite reads."""
    values, origins = configuration.values, configuration.origins
    if configuration.embedded:
        values["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{configuration.instance / DATABASE_NAME}"
        origins["SQLALCHEMY_DATABASE_URI"] = "instance"
    scheme, separator, rest = values["SQLALCHEMY_DATABASE_URI"].partition("://")
    dialect = "postgresql" if scheme == "postgres" else scheme.partition("+")[0]
    if not separator or dialect not in ("postgresql", "sqlite"):
        raise SettingsError(
            f"SQLALCHEMY_DATABASE_URI ({origins['SQLALCHEMY_DATABASE_URI']}) is no database that we can use. "
            "Accepted: postgresql://<user>:<password>@<host>[:<port>]/<database> or sqlite:///<file>."
        )
    if dialect == "postgresql":
        scheme = scheme if "+" in scheme else "postgresql+psycopg"
        if origins["SQLALCHEMY_ENGINE_OPTIONS"] == "default":
            values["SQLALCHEMY_ENGINE_OPTIONS"] = deepcopy(POSTGRESQL_ENGINE_OPTIONS)
    elif re.match(r"/(?!/|:|file:|$)", rest):  # a relative path
        rest = f"/{configuration.instance / rest[1:]}"
    values["SQLALCHEMY_DATABASE_URI"] = f"{scheme}://{rest}"
    options = {"url": values["SQLALCHEMY_DATABASE_URI"], **values["SQLALCHEMY_ENGINE_OPTIONS"]}
    values["SQLALCHEMY_ENGINES"] = {"default": options, **(values.get("SQLALCHEMY_ENGINES") or {})}
    origins.setdefault("SQLALCHEMY_ENGINES", origins["SQLALCHEMY_DATABASE_URI"])


def _finish_redis(configuration: Configuration) -> None:
    """One FLEXMEASURES_REDIS_... setting is enough to mean Redis; the host is then as documented."""
    values = configuration.values
    given = [
        name
        for name, origin in configuration.origins.items()
        if name.startswith("FLEXMEASURES_REDIS_") and origin != "default" and values[name] is not None
    ]
    if given and values["FLEXMEASURES_REDIS_URL"] is None:
        values["FLEXMEASURES_REDIS_URL"] = "localhost"


def _finish_secrets(configuration: Configuration) -> None:
    values, origins = configuration.values, configuration.origins
    if not values["SECRET_KEY"]:
        path = configuration.instance / SECRET_NAME
        if not path.is_file():
            if configuration.environment in ("production", "staging"):
                raise SettingsError(_secret_advice(configuration, path))
            _make_secret(path)
        values["SECRET_KEY"], origins["SECRET_KEY"] = path.read_text().strip(), "instance"
        if not values["SECRET_KEY"]:
            raise SettingsError(f"The file {path} is empty. Put a secret into it, or remove it.")
    if not values["SECURITY_PASSWORD_SALT"]:
        values["SECURITY_PASSWORD_SALT"] = values["SECRET_KEY"]


def _secret_advice(configuration: Configuration, path: Path) -> str:
    return (
        f"SECRET_KEY, which signs sessions and tokens, must be set in {configuration.environment}. Make one:\n"
        "    python -c 'import secrets; print(secrets.token_urlsafe())'\n"
        f"and set it in the environment (SECRET_KEY=...), in {configuration.instance / FILE_NAME}\n"
        f'(SECRET_KEY = "..."), or put it into the file {path}.\n'
        "On a machine of your own, FLASK_ENV=development does without."
    )


def _make_secret(path: Path) -> None:
    """Make the file at once with its content: of two processes that start together, both read the same."""
    draft = path.with_name(f"{SECRET_NAME}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise SettingsError(f"The secret key {path} cannot be made: {error.strerror}.") from None
