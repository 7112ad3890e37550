"""flexmeasures.config: where settings come from, how they are read, what is made in the instance folder."""

from __future__ import annotations

import logging
import re
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flexmeasures import config
from flexmeasures.config import SETTINGS, Configuration, Setting, load, settings
from flexmeasures.errors import SettingsError

pytestmark = pytest.mark.usefixtures("no_settings")


def loaded(instance: Path, **arguments: Any) -> Configuration:
    return load(instance, named=True, arguments=arguments)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- defaults -------------------------------------------------------------------------------------------


def test_every_setting_has_one_row_with_help_and_a_default_of_its_type() -> None:
    names = [row.name for row in SETTINGS]
    assert len(names) == len(set(names))
    for row in SETTINGS:
        assert row.help.endswith("."), row.name
        kind = {settings.LogLevel: int, settings.TimezoneName: str}.get(row.type, row.type)
        assert row.default is None or isinstance(row.default, kind), row.name


def test_without_any_setting_the_instance_runs_on_sqlite_as_development_without_debugging(
    instance: Path,
) -> None:
    found = loaded(instance)
    assert found.embedded
    assert found.environment == "development"
    assert "DEBUG" not in found.values
    assert found.values["FLEXMEASURES_MODE"] == ""
    assert found.values["SQLALCHEMY_ENGINES"] == {"default": {"url": f"sqlite:///{instance}/flexmeasures.db"}}
    assert found.values["FLEXMEASURES_LP_SOLVER"] == "highs"
    assert found.values["FLEXMEASURES_REDIS_URL"] is None
    assert found.values["FLEXMEASURES_DB_BACKUP_PATH"] == f"{instance}/migrations/dumps"
    assert found.values["FLEXMEASURES_JOB_TIMEOUT"] == timedelta(minutes=30)
    assert found.origins["FLEXMEASURES_LP_SOLVER"] == "default"
    assert found.origins["SQLALCHEMY_DATABASE_URI"] == found.origins["SECRET_KEY"] == "instance"


def test_defaults_of_one_configuration_are_not_those_of_the_next(instance: Path) -> None:
    loaded(instance).values["FLEXMEASURES_PLUGIN_PATHS"].append("mine")
    assert "mine" not in loaded(instance).values["FLEXMEASURES_PLUGIN_PATHS"]


# -- precedence -----------------------------------------------------------------------------------------


@pytest.mark.contract("23.2")
def test_argument_wins_over_environment_over_dotenv_over_file_over_default(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def value_and_origin(**arguments: Any) -> tuple[Any, str]:
        found = loaded(instance, **arguments)
        return found.values["FLEXMEASURES_WORKERS"], found.origins["FLEXMEASURES_WORKERS"]

    assert value_and_origin() == (2, "default")
    path = write(instance / "flexmeasures.cfg", "FLEXMEASURES_WORKERS = 3")
    assert value_and_origin() == (3, f"file {path}")
    write(Path(".env"), "FLEXMEASURES_WORKERS=4")
    assert value_and_origin() == (4, ".env")
    write(instance / ".env", "FLEXMEASURES_WORKERS=5")
    assert value_and_origin() == (5, ".env")
    monkeypatch.setenv("FLEXMEASURES_WORKERS", "6")
    assert value_and_origin() == (6, "environment")
    assert value_and_origin(FLEXMEASURES_WORKERS=7) == (7, "argument")


def test_a_named_instance_reads_its_own_file_only_and_others_read_the_first_of_home_and_instance(
    instance: Path, tmp_path: Path
) -> None:
    home = Path.home()
    write(instance / "flexmeasures.cfg", "FLEXMEASURES_PLATFORM_NAME = 'instance'")

    def name(named: bool, path: Path | None = None) -> str:
        found = load(instance, named=named, path_to_config=path)
        return str(found.values["FLEXMEASURES_PLATFORM_NAME"])

    assert name(named=False) == "instance"
    write(home / ".flexmeasures.cfg", "FLEXMEASURES_PLATFORM_NAME = 'home'")
    assert name(named=False) == "home"
    assert name(named=True) == "instance"
    explicit = write(tmp_path / "my.cfg", "FLEXMEASURES_PLATFORM_NAME = 'explicit'")
    assert name(named=True, path=explicit) == name(named=False, path=explicit) == "explicit"


@pytest.mark.contract("23.4", "27.23")
def test_the_file_without_dot_in_the_home_folder_is_read_with_a_warning(instance: Path) -> None:
    write(Path.home() / "flexmeasures.cfg", "FLEXMEASURES_PLATFORM_NAME = 'undotted'")
    found = load(instance, named=False)
    assert found.values["FLEXMEASURES_PLATFORM_NAME"] == "undotted"
    assert ".flexmeasures.cfg" in found.warnings[0]


def test_names_in_capitals_are_kept_from_a_file_whether_known_or_not(instance: Path) -> None:
    write(
        instance / "flexmeasures.cfg",
        "import os\nlower = 1\nMY_OWN = {'a': lower}\nSECURITY_REGISTERABLE = True",
    )
    found = loaded(instance)
    assert found.values["MY_OWN"] == {"a": 1}
    assert found.values["SECURITY_REGISTERABLE"] is True
    assert "lower" not in found.values
    assert "os" not in found.values


def test_of_the_environment_only_known_names_and_families_count(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECURITY_RECOVERABLE", "true")
    monkeypatch.setenv("MAIL_TIMEOUT", "10")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    monkeypatch.setenv("FLEXMEASURES_TEST_POSTGRESQL", "x")
    values = loaded(instance).values
    assert values["SECURITY_RECOVERABLE"] is True
    assert values["MAIL_TIMEOUT"] == 10
    assert not {"SOMETHING_ELSE", "FLEXMEASURES_TEST_POSTGRESQL", "HOME"} & values.keys()


def test_an_empty_variable_counts_as_not_set(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "SECRET_KEY",
        "SQLALCHEMY_DATABASE_URI",
        "FLEXMEASURES_WORKERS",
        "FLEXMEASURES_REDIS_PASSWORD",
    ):
        monkeypatch.setenv(name, "")
    found = loaded(instance)
    assert found.embedded
    assert found.values["FLEXMEASURES_WORKERS"] == 2
    assert found.values["FLEXMEASURES_REDIS_URL"] is None
    assert found.origins["SECRET_KEY"] == "instance"


def test_rows_of_plugins_are_read_from_all_places(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLAR_INTERVAL", "PT1H")
    monkeypatch.setenv("SOLAR_ANGLE", "steep")
    first = loaded(instance)
    rows = [
        Setting("SOLAR_INTERVAL", timedelta(minutes=5), timedelta, "."),
        Setting("SOLAR_TILT", 30.0, float, "."),
    ]
    found = first.extended(rows)
    assert "SOLAR_INTERVAL" not in first.values
    assert (found.values["SOLAR_INTERVAL"], found.origins["SOLAR_INTERVAL"]) == (
        timedelta(hours=1),
        "environment",
    )
    assert (found.values["SOLAR_TILT"], found.origins["SOLAR_TILT"]) == (30.0, "default")
    assert load(instance, named=True, extra=rows).values["SOLAR_INTERVAL"] == timedelta(hours=1)
    with pytest.raises(SettingsError, match="SOLAR_ANGLE"):
        first.extended([Setting("SOLAR_ANGLE", 1.0, float, ".")])


# -- the file -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("A = 1\nB = = 2", "line 2: invalid syntax"),
        ("\n\nA = 1 / 0", "line 3: ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_in_the_file_is_told_with_file_and_line(text: str, where: str, instance: Path) -> None:
    path = write(instance / "flexmeasures.cfg", text)
    with pytest.raises(SettingsError, match=re.escape(f"{path}, {where}")):
        loaded(instance)


def test_a_file_that_was_asked_for_must_be_there(instance: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no configuration file .*nowhere\.cfg"):
        load(instance, named=True, path_to_config=tmp_path / "nowhere.cfg")


# -- environments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("development", {"DEBUG": True, "FLEXMEASURES_MODE": "development", "LOGGING_LEVEL": logging.DEBUG}),
        ("testing", {"TESTING": True, "FLEXMEASURES_MODE": "test", "LOGGING_LEVEL": logging.WARNING}),
        ("production", {"LOGGING_LEVEL": logging.ERROR, "FLEXMEASURES_HIDE_UNKNOWN_USERS": True}),
        ("staging", {"LOGGING_LEVEL": logging.WARNING, "FLEXMEASURES_HIDE_UNKNOWN_USERS": False}),
    ],
)
@pytest.mark.contract("23.1")
def test_a_named_environment_changes_defaults_which_settings_still_override(
    environment: str, expected: dict[str, Any], instance: Path
) -> None:
    found = load(instance, named=True, env=environment, arguments={"SECRET_KEY": "s"})
    assert {name: found.values[name] for name in expected} == expected
    assert found.environment == environment
    louder = load(
        instance, named=True, env=environment, arguments={"SECRET_KEY": "s", "LOGGING_LEVEL": "INFO"}
    )
    assert louder.values["LOGGING_LEVEL"] == logging.INFO


def test_another_database_means_production_unless_an_environment_is_named(instance: Path) -> None:
    uri = "postgresql://me@db/flex"
    assert loaded(instance, SQLALCHEMY_DATABASE_URI=uri, SECRET_KEY="s").environment == "production"
    assert load(
        instance, named=True, env="development", arguments={"SQLALCHEMY_DATABASE_URI": uri}
    ).environment == ("development")


def test_flexmeasures_env_wins_over_flask_env_in_one_place(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_ENV", "development")
    assert loaded(instance).environment == "development"
    monkeypatch.setenv("FLEXMEASURES_ENV", "testing")
    assert loaded(instance).environment == "testing"
    assert loaded(instance, FLASK_ENV="documentation").environment == "documentation"


# -- database and queue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_uses_psycopg_3_and_the_documented_engine_options(scheme: str, instance: Path) -> None:
    found = loaded(instance, SQLALCHEMY_DATABASE_URI=f"{scheme}://me:pw@db:5433/flex", SECRET_KEY="s")
    assert found.values["SQLALCHEMY_ENGINES"]["default"] == {
        "url": "postgresql+psycopg://me:pw@db:5433/flex",
        "pool_recycle": 299,
        "pool_pre_ping": True,
        "connect_args": {"options": "-c timezone=utc"},
    }
    assert not found.embedded


def test_engine_options_that_are_given_replace_the_default(instance: Path) -> None:
    for uri in ("postgresql://db/flex", "sqlite:////x.db"):
        options = {"echo": True}
        found = loaded(
            instance, SQLALCHEMY_DATABASE_URI=uri, SQLALCHEMY_ENGINE_OPTIONS=options, SECRET_KEY="s"
        )
        assert found.values["SQLALCHEMY_ENGINES"]["default"].keys() == {"url", "echo"}


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("sqlite:///other.db", "sqlite:///{instance}/other.db"),
        ("sqlite:////srv/other.db", "sqlite:////srv/other.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_a_relative_sqlite_file_lies_in_the_instance_folder(uri: str, url: str, instance: Path) -> None:
    found = loaded(instance, SQLALCHEMY_DATABASE_URI=uri, SECRET_KEY="s")
    assert found.values["SQLALCHEMY_ENGINES"]["default"]["url"] == url.format(instance=instance)


@pytest.mark.parametrize("uri", ["flexmeasures", "mysql://db/flex", "postgresql:/db"])
def test_a_database_that_is_neither_postgresql_nor_sqlite_is_refused(uri: str, instance: Path) -> None:
    with pytest.raises(SettingsError, match=r"SQLALCHEMY_DATABASE_URI \(argument\).*postgresql://"):
        loaded(instance, SQLALCHEMY_DATABASE_URI=uri, SECRET_KEY="s")


def test_any_redis_setting_means_redis_with_the_documented_host(instance: Path) -> None:
    assert loaded(instance, FLEXMEASURES_REDIS_DB_NR=0).values["FLEXMEASURES_REDIS_URL"] == "localhost"
    assert loaded(instance, FLEXMEASURES_REDIS_URL="redis").values["FLEXMEASURES_REDIS_URL"] == "redis"


# -- instance folder and secrets ------------------------------------------------------------------------


def test_the_instance_folder_is_the_given_one_else_the_variable_s_else_the_user_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config.instance_path() == Path.home() / ".local/share/flexmeasures"
    assert not config.is_named()
    monkeypatch.setenv("FLEXMEASURES_INSTANCE", str(tmp_path / "v"))
    assert config.instance_path() == tmp_path / "v"
    assert config.is_named()
    assert config.instance_path("given") == Path.cwd() / "given"


def test_instance_folder_and_secret_key_are_made_once_for_their_owner_only(instance: Path) -> None:
    first = loaded(instance)
    assert stat.S_IMODE(instance.stat().st_mode) == 0o700
    assert stat.S_IMODE((instance / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in instance.iterdir()] == ["secret_key"]
    assert len(first.values["SECRET_KEY"]) > 40
    assert first.values["SECURITY_PASSWORD_SALT"] == first.values["SECRET_KEY"]
    assert loaded(instance).values["SECRET_KEY"] == first.values["SECRET_KEY"]


def test_processes_that_start_together_share_one_secret_key(instance: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flexmeasures.config import load\n"
        "print(load(Path(sys.argv[1]), named=True).values['SECRET_KEY'])"
    )
    command = [sys.executable, "-c", code, str(instance)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    keys = {process.communicate()[0].strip() for process in processes}
    assert len(keys) == 1
    assert keys != {""}


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_production_refuses_to_make_a_secret_key_and_gives_advice(environment: str, instance: Path) -> None:
    with pytest.raises(SettingsError, match="token_urlsafe") as caught:
        load(instance, named=True, env=environment)
    assert str(instance / "flexmeasures.cfg") in str(caught.value)
    write(instance / "secret_key", "from-the-file\n")
    assert load(instance, named=True, env=environment).values["SECRET_KEY"] == "from-the-file"


def test_an_instance_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    with pytest.raises(SettingsError, match="FLEXMEASURES_INSTANCE"):
        loaded(tmp_path / "file" / "instance")


def test_looking_for_configured_plugins_makes_nothing(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not config.has_plugins(instance, named=True)
    monkeypatch.setenv("FLEXMEASURES_PLUGINS", "my_plugin")
    assert config.has_plugins(instance, named=True)
    assert not instance.exists()


def test_the_configuration_is_read_without_heavy_libraries(instance: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flexmeasures.config import load; "
        "load(Path(sys.argv[1]), named=True)\n"
        "print([name for name in ('flask', 'sqlalchemy', 'numpy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(instance)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
