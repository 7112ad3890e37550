"""How long a server takes from its start to its first answer, in a migrated instance on SQLite."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from common import SCRIPTS, environment, process, row

LIBRARIES = "import flask, flask_security, sqlalchemy.orm, marshmallow, waitress"
IMPORTS = f'python -c "{LIBRARIES}", same run'
PATIENCE = 30.0  # seconds
COMMAND = str(SCRIPTS / "flexmeasures")


def measure(times: int = 5) -> list[dict[str, Any]]:
    """Median over fresh servers, and the memory that the web process then holds."""
    with TemporaryDirectory() as folder:
        instance = Path(folder)
        upgrade = [COMMAND, "db", "upgrade"]
        subprocess.run(upgrade, env=environment(instance), check=True, capture_output=True, cwd=instance)
        runs = [_first_answer(instance) for _ in range(times + 1)][1:]
        bare, bare_memory = process([sys.executable, "-c", LIBRARIES], instance, times)
    seconds = statistics.median(taken for taken, _ in runs)
    memory = statistics.median(held for _, held in runs)
    return [
        row("server_first_answer_seconds", seconds, "s", against=IMPORTS, than=bare),
        row("server_web_memory_mb", memory, "MiB", against=IMPORTS, than=bare_memory),
    ]


def _first_answer(instance: Path) -> tuple[float, float]:
    """Seconds until GET /health answers 200, and the memory of the web process (MiB) at that time."""
    port = free_port()
    command = [COMMAND, "run", "--port", str(port)]
    begin = time.perf_counter()
    with subprocess.Popen(
        command, env=environment(instance), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=instance
    ) as server:
        try:
            while not is_well(port):
                if server.poll() is not None or time.perf_counter() - begin > PATIENCE:
                    server.kill()
                    raise RuntimeError(f"The server does not answer: {server.communicate()[0].decode()}")
                time.sleep(0.002)
            seconds = time.perf_counter() - begin
            return seconds, _memory(server.pid)
        finally:
            server.terminate()
            server.wait(PATIENCE)


def free_port() -> int:
    """A port that nobody listens at just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def is_well(port: int) -> bool:
    """Whether a server there says that it is well."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _memory(process_id: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process_id}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
