"""The kernel's own commands: db, plugins, settings, shell, run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Flexmeasures = Callable[..., Result]
Process = Callable[..., subprocess.Popen[str]]


# -- db -------------------------------------------------------------------------------------------------


def test_db_goes_up_and_down_and_tells_where_it_is(flexmeasures: Flexmeasures) -> None:
    assert flexmeasures("db", "current").output.startswith("flexmeasures: none (newest: 0006")
    upgraded = flexmeasures("db", "upgrade").output
    assert "up to 0001" in upgraded
    assert "up to 0005" in upgraded
    assert flexmeasures("db", "upgrade").output == "The database is up to date.\n"
    assert flexmeasures("db", "current").output.splitlines()[0] == "flexmeasures: 0006"
    assert "flexmeasures 0001 (after nothing)" in flexmeasures("db", "history").output
    assert (
        flexmeasures("db", "migrate", "--message", "x").output
        == "The models describe the database as it is.\n"
    )
    assert "migrations/versions" in flexmeasures("db", "init").output
    assert flexmeasures("db", "downgrade", input="n\n").exit_code == 1
    assert "back from 0006" in flexmeasures("db", "downgrade", "-1", "--force").output
    assert "up to 0006" in flexmeasures("db", "upgrade", "+1").output


def test_db_refuses_an_unknown_plugin_and_an_unknown_revision(flexmeasures: Flexmeasures) -> None:
    for arguments in (["--plugin", "nobody"], ["0815"]):
        result = flexmeasures("db", "upgrade", *arguments)
        assert result.exit_code == 1
        assert arguments[-1] in result.stderr


# -- plugins --------------------------------------------------------------------------------------------


def test_plugins_list_shows_each_plugin_with_state_reason_and_place(
    our_client: Path, flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = our_client.parent / "missing"
    monkeypatch.setenv("FLEXMEASURES_PLUGIN_PATHS", f"{our_client},{missing}")
    monkeypatch.setenv("FLEXMEASURES_STRICT_PLUGINS", "true")
    listed = json.loads(flexmeasures("plugins", "list", "--json").stdout)
    found = {plugin["name"]: plugin for plugin in listed}
    assert found["our_client"]["state"] == "active"
    assert found["our_client"]["origin"] == f"folder {our_client}"
    assert found["missing"]["state"] == "broken"
    assert str(missing) in found["missing"]["reason"]
    lines = flexmeasures("plugins", "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "STATE", "FROM", "REASON"]
    assert any(line.startswith("missing ") and "there is no file" in line for line in lines)


def test_plugins_check_fails_when_one_is_broken_and_shows_where(
    our_client: Path, flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [plugin["name"] for plugin in json.loads(flexmeasures("plugins", "list", "--json").stdout)]
    monkeypatch.setenv(
        "FLEXMEASURES_DISABLED_PLUGINS", ",".join(name for name in others if name != "our_client")
    )
    assert flexmeasures("plugins", "check").exit_code == 0
    sys.modules.pop("our_client")
    (our_client / "__init__.py").write_text("1 / 0")
    result = flexmeasures("plugins", "check")
    assert result.exit_code == 1
    assert "our_client" in result.stdout
    assert "ZeroDivisionError" in result.stdout


# -- settings and shell ---------------------------------------------------------------------------------


def test_settings_shows_value_default_origin_and_deviation_and_no_secret(
    flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = {
        "SECRET_KEY": "s3cret-1",
        "MAIL_PASSWORD": "s3cret-2",
        "FLEXMEASURES_REDIS_URL": "redis://:s3cret-3@host",
        "SQLALCHEMY_DATABASE_URI": "postgresql://me:s3cret-4@db/flex",
        "SECURITY_OWN_SALT": "s3cret-5",
        "SQLALCHEMY_ENGINE_OPTIONS": '{"connect_args": {"password": "s3cret-6"}}',
        "FLEXMEASURES_PUBLIC_DEMO_CREDENTIALS": "me,s3cret-7",
        "MAIL_SERVER": "smtp://me:a/s3cret-8:b@mail",
        "FLEXMEASURES_DB_BACKUP_PATH": "postgresql://db/flex?user=me&password=s3cret-9",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("FLEXMEASURES_PLANNING_HORIZON", "PT36H")
    result = flexmeasures("settings", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert "s3cret" not in result.output
    assert "s3cret" not in flexmeasures("settings").output
    assert set(secrets) <= rows.keys()
    assert rows["SQLALCHEMY_DATABASE_URI"]["value"] == "postgresql+psycopg://me:***@db/flex"
    assert rows["FLEXMEASURES_PLANNING_HORIZON"]["value"] == "P1DT12H"
    assert rows["FLEXMEASURES_PLANNING_HORIZON"]["default"] == "P2D"
    assert rows["FLEXMEASURES_PLANNING_HORIZON"]["origin"] == "environment"
    assert rows["FLEXMEASURES_LP_SOLVER"]["value"] == "highs"
    assert rows["FLEXMEASURES_LP_SOLVER"]["default"] == "cbc"
    assert "highs" in rows["FLEXMEASURES_LP_SOLVER"]["deviation"]


def test_shell_tells_the_instance_folder_and_has_the_app_at_hand(
    flexmeasures_process: Process, instance: Path
) -> None:
    process = flexmeasures_process("shell", stdin=subprocess.PIPE)
    output, banner = process.communicate(
        "print(app.name, db.session.get_bind().dialect.name, Sensor.__name__)\n"
    )
    assert f"Instance folder: {instance}" in banner
    assert "flexmeasures sqlite Sensor" in output


# -- run ------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def children_of(pid: int) -> set[int]:
    """Ids of all processes below one."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found |= {int(stat.parent.name), *children_of(int(stat.parent.name))}
    return found


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_run_upgrades_the_database_serves_and_stops_with_all_its_processes(
    stop: signal.Signals, flexmeasures_process: Process, instance: Path
) -> None:
    port = free_port()
    with flexmeasures_process("run", "--port", str(port), "--workers", "1") as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not any("flexmeasures add user" in line for line in lines):
                lines.append(process.stdout.readline())
                assert lines[-1], "it ended early"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=20) as response:
                assert response.status == 200
            wait_for(lambda: len(children_of(process.pid)) == 2, "a supervisor and its worker")
            below = children_of(process.pid)
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    told = "".join([*lines, rest])
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "Upgraded the database: flexmeasures: up to 0001" in told
    assert f"http://127.0.0.1:{port}" in told
    assert str(instance) in told
    assert "flexmeasures add user" in told
    assert not (instance / "flexmeasures.db-wal").exists()
    wait_for(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], "all are gone")


def test_run_says_by_its_exit_code_that_it_lost_its_workers_so_that_it_is_started_again(
    flexmeasures_process: Process,
) -> None:
    with flexmeasures_process("run", "--port", str(free_port()), "--workers", "1") as process:
        try:
            wait_for(lambda: len(children_of(process.pid)) == 2, "a supervisor and its worker")
            below = children_of(process.pid)
            os.kill(min(below), signal.SIGKILL)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 1
    assert "supervisor of the workers has died" in errors
    wait_for(lambda: not [pid for pid in below if Path(f"/proc/{pid}").exists()], "all are gone")


def test_run_does_not_take_in_a_huge_body_to_refuse_it(flexmeasures_process: Process) -> None:
    port = free_port()
    with flexmeasures_process("run", "--port", str(port), "--workers", "0") as process:
        try:
            assert process.stdout is not None
            assert any("runs at" in line for line in process.stdout)
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                head = b"POST /api/requestAuthToken HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000000\r\n\r\n"
                connection.sendall(head)
                assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
        finally:
            process.kill()
            process.communicate()


def test_run_refuses_a_port_that_is_in_use(flexmeasures: Flexmeasures) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = flexmeasures("run", "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr == f"Port {port} of 127.0.0.1 is in use. Choose another one with --port.\n"


def test_run_does_not_upgrade_a_database_that_is_not_the_instance_s(
    flexmeasures: Flexmeasures, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SQLALCHEMY_DATABASE_URI", f"sqlite:///{tmp_path}/other.db")
    monkeypatch.setenv("FLASK_ENV", "development")
    result = flexmeasures("run", "--port", str(free_port()))
    assert result.exit_code == 1
    assert "Run: flexmeasures db upgrade" in result.stderr


def test_the_wsgi_module_holds_the_app(named_instance: Path) -> None:
    code = "from flexmeasures.wsgi import application; print(application.instance_path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(named_instance)


def test_the_instance_option_names_the_folder_for_one_call(
    flexmeasures: Flexmeasures, tmp_path: Path
) -> None:
    other = tmp_path / "other instance"
    assert f"Instance folder: {other}" in flexmeasures("--instance", str(other), "settings").output
    assert str(other) not in flexmeasures("settings").output
