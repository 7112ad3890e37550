"""`flexmeasures`: which commands there are, and how errors are told."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import Result

from flexmeasures.cli import entries

Flexmeasures = Callable[..., Result]
Process = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """install(distribution, module, code, command=attribute, ...) puts a package with commands on sys.path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(distribution: str, module: str, code: str, **commands: str) -> None:
        lines = [f"{name} = {module}:{attribute}" for name, attribute in commands.items()]
        metadata = site / f"{distribution}-1.0.dist-info"
        metadata.mkdir()
        metadata.joinpath("entry_points.txt").write_text(
            "\n".join(
                ["[console_scripts]", "x = y:z", "[flexmeasures.commands]", *lines, "[other]", "a = b:c"]
            )
        )
        (site / f"{module}.py").write_text(dedent(code))

    return install


HELLO = """
    import click
    @click.command()
    def hello():
        "Say hello."
        print("hello from", __name__)
"""


def test_a_command_leaves_all_it_wrote_in_the_database_file(
    flexmeasures_process: Process, instance: Path
) -> None:
    for words in (("db", "upgrade"), ("roles", "create", "tester")):
        process = flexmeasures_process(*words)
        told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert (instance / "flexmeasures.db").exists()
    assert not (instance / "flexmeasures.db-wal").exists()


# -- finding commands -----------------------------------------------------------------------------------


def test_help_lists_the_kernel_s_commands_with_a_line_each(flexmeasures: Flexmeasures) -> None:
    result = flexmeasures("--help")
    assert result.exit_code == 0
    for name in ("run", "shell", "db", "plugins", "settings", "users", "roles"):
        assert re.search(rf"^  {name}  +\w+", result.output, re.MULTILINE), name


def test_help_is_small_and_imports_no_web_framework(flexmeasures_process: Process, instance: Path) -> None:
    code = """
        import sys
        from flexmeasures.cli import cli
        try:
            cli.main(["--help"])
        except SystemExit:
            heavy = {"flask", "sqlalchemy", "numpy", "pandas", "pyomo", "bokeh", "importlib.metadata"}
            print("HEAVY", sorted(heavy & set(sys.modules)))
            print(open("/proc/self/status").read())
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout
    kilobytes = int(done.stdout.partition("VmHWM:")[2].split()[0])
    assert kilobytes < 50 * 1024
    with flexmeasures_process("--help") as process:
        assert process.wait() == 0
    assert not instance.exists()


def test_version_is_printed(flexmeasures: Flexmeasures) -> None:
    from importlib.metadata import version

    assert flexmeasures("--version").output == f"FlexMeasures {version('flexmeasures')}\n"


def test_the_scan_of_metadata_finds_what_importlib_finds() -> None:
    from importlib.metadata import entry_points

    expected = {point.name: point.value for point in entry_points(group="flexmeasures.commands")}
    assert {name: entry.target for name, entry in entries().items()} == expected


def test_a_command_of_an_installed_package_is_listed_and_runs(
    flexmeasures: Flexmeasures, install: Callable[..., None]
) -> None:
    install("my_package", "my_commands_a", HELLO, **{"hello-there": "hello"})
    assert re.search(r"hello-there +Say hello\.", flexmeasures("--help").output)
    assert flexmeasures("hello-there").output == "hello from my_commands_a\n"
    assert flexmeasures("hello_there").output == "hello from my_commands_a\n"


def test_a_package_adds_a_command_to_a_group_of_the_kernel(
    flexmeasures: Flexmeasures, install: Callable[..., None]
) -> None:
    install("my_package", "my_commands_b", HELLO, **{"add.hello-there": "hello"})
    assert re.search(r"hello-there +Say hello\.", flexmeasures("add", "--help").output)
    assert flexmeasures("add", "hello_there").output == "hello from my_commands_b\n"
    assert "hello" not in flexmeasures("--help").output
    assert flexmeasures("add.hello-there").exit_code == 2


@pytest.mark.parametrize("code", ["import nothing_like_this", "raise SystemExit('no')", "hello = 1", "def ("])
def test_a_broken_command_says_why_and_leaves_the_others_alone(
    code: str, flexmeasures: Flexmeasures, install: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    module = f"broken_{abs(hash(code))}"
    install("broken_package", module, code, broken="hello")
    install("my_package", f"fine_{module}", HELLO, hello="hello")
    listed = flexmeasures("--help")
    assert listed.exit_code == 0
    assert re.search(r"^  broken +\(broken: ", listed.output, re.MULTILINE)
    assert "Say hello." in listed.output
    result = flexmeasures("broken", "anything", "--at-all")
    assert result.exit_code == 1
    assert "broken of package broken-package is broken" in result.stderr
    assert "Traceback" not in result.output


def test_of_two_packages_with_one_command_ours_wins_else_the_first_by_name(
    install: Callable[..., None],
) -> None:
    ours = entries()["add"]
    install("a_thief", "thief", HELLO, add="hello", other="hello")
    install("b_thief", "thief_b", HELLO, other="hello")
    assert entries()["add"] == ours
    assert entries()["other"].package == "a-thief"


def test_commands_of_a_blueprint_run_in_the_app_by_either_spelling(
    our_client: Path, flexmeasures: Flexmeasures
) -> None:
    assert "our_client" in flexmeasures("--help").output
    for name in ("our_client", "our-client"):
        result = flexmeasures(name, "test", "--name", "me")
        assert result.output == "me in flexmeasures\n", result.stderr


def test_commands_of_packages_reach_the_app_by_flask_s_with_appcontext(
    flexmeasures: Flexmeasures, install: Callable[..., None], tmp_path: Path
) -> None:
    code = """
        import click
        from flask import current_app
        from flask.cli import with_appcontext
        @click.group()
        def things(): pass
        @things.command()
        @with_appcontext
        def where():
            print(current_app.instance_path)
    """
    install("my_package", "my_commands_c", code, things="things")
    assert flexmeasures("things", "where").output == f"{tmp_path}/instance\n"


def test_commands_of_flask_security_are_found(flexmeasures: Flexmeasures) -> None:
    assert "deactivate" in flexmeasures("users", "--help").output
    assert "Remove role from user" in flexmeasures("roles", "--help").output


def test_an_unknown_command_is_refused(flexmeasures: Flexmeasures) -> None:
    result = flexmeasures("nonsense")
    assert result.exit_code == 2
    assert "No such command 'nonsense'" in result.stderr


# -- errors ---------------------------------------------------------------------------------------------


def test_a_wrong_setting_ends_with_2_and_one_line(
    flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEXMEASURES_WORKERS", "many")
    result = flexmeasures("settings")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        "FLEXMEASURES_WORKERS = 'many' (environment) is not accepted. Accepted: a whole number.\n"
    )


def test_production_without_secret_key_ends_with_2_and_advice(
    flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLASK_ENV", "production")
    result = flexmeasures("settings")
    assert result.exit_code == 2
    assert "token_urlsafe" in result.stderr


def test_what_flexmeasures_refuses_ends_with_1_and_the_rest_keeps_its_traceback(
    flexmeasures: Flexmeasures, install: Callable[..., None]
) -> None:
    code = """
        import click
        from flexmeasures.errors import InputError
        @click.command()
        def refuse():
            raise InputError("The price 'x' is no number.", "price", "a number")
        @click.command()
        def fail():
            raise KeyError("ours")
    """
    install("my_package", "my_commands_d", code, refuse="refuse", fail="fail")
    refused = flexmeasures("refuse")
    assert (refused.exit_code, refused.stderr) == (1, "The price 'x' is no number. Accepted: a number.\n")
    assert isinstance(flexmeasures("fail").exception, KeyError)


def test_a_database_that_is_not_upgraded_is_told_with_the_command(
    flexmeasures: Flexmeasures, install: Callable[..., None]
) -> None:
    code = """
        import click
        from flask.cli import with_appcontext
        @click.command()
        @with_appcontext
        def count():
            from flexmeasures.db import db
            from flexmeasures.models import Sensor
            from sqlalchemy import select
            print(len(db.session.scalars(select(Sensor)).all()))
    """
    install("my_package", "my_commands_e", code, count="count")
    result = flexmeasures("count")
    assert result.exit_code == 1
    assert "flexmeasures db upgrade" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    flexmeasures("db", "upgrade")
    assert flexmeasures("count").output == "0\n"


def test_a_database_that_does_not_answer_is_told_in_one_line(
    flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", "postgresql://nobody@127.0.0.1:1/nothing")
    monkeypatch.setenv("FLASK_ENV", "development")
    result = flexmeasures("db", "current")
    assert result.exit_code == 1
    assert "The database does not answer" in result.stderr
    assert len(result.stderr.splitlines()) == 1
