"""Servers of the tests' own, in a temporary folder and on a unix socket: they may be killed, stopped and emptied."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

PATIENCE = 60.0  # seconds


def processes() -> dict[int, int]:
    """The parent of each running process of this machine (zombies left out), by process id."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if state not in ("Z", "X"):
                    found[int(folder.name)] = int(parent)
    return found


def children(parent: int) -> list[int]:
    """Ids of the running children of a process, the oldest first."""
    return sorted(pid for pid, of in processes().items() if of == parent)


def send(pid: int, number: signal.Signals) -> bool:
    """Whether the process was still there to get the signal."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


class SmallDisk:
    """A folder on a disk of its own (a tmpfs) that can be filled up."""

    def __init__(self, folder: Path, megabytes: int, owner: str = "") -> None:
        self.folder, self._filling = folder, folder / "filling"
        options = f"size={megabytes}m,mode=0700" + (f",uid={owner},gid={owner}" if owner else "")
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    @staticmethod
    def missing() -> str:
        """Why no disk can be mounted here; empty when it can."""
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return "only root can mount a small disk"
        folder = Path(mkdtemp(prefix="fm-disk-"))
        try:
            SmallDisk(folder, 1).close()
        except subprocess.CalledProcessError as error:
            return f"no disk can be mounted: {error.stderr.decode(errors='replace').strip()}"
        finally:
            folder.rmdir()
        return ""

    def fill(self) -> None:
        """Leave no room at all."""
        with suppress(OSError), self._filling.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)
        with suppress(OSError), self._filling.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0")

    def free(self) -> None:
        self._filling.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the disk up, with all that is on it."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False, capture_output=True)


class OwnPostgreSQL:
    """A PostgreSQL cluster made by initdb, owned by the user postgres where we are root."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="fm-pg-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.disk = None if SmallDisk.missing() else SmallDisk(self.folder, 300, "postgres")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        command = [
            _pg_binary("initdb"),
            "-D",
            self.folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        subprocess.run([*_as_postgres(), *command], check=True, capture_output=True, cwd="/")
        self.start()

    @staticmethod
    def missing() -> str:
        """Why no cluster can be made here; empty when it can."""
        if _pg_binary("initdb") is None or _pg_binary("postgres") is None:
            return "there is no initdb"
        if os.geteuid() == 0 and (shutil.which("setpriv") is None or not _is_user("postgres")):
            return "we are root, and cannot become the user postgres"
        return ""

    @property
    def uri(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def start(self) -> None:
        """Start it, if need be again until the last one's remains are gone, and wait until it answers."""
        options = ["-c", "listen_addresses=", "-k", str(self.folder), "-c", "max_connections=60"]
        command = [*_as_postgres(), _pg_binary("postgres"), "-D", self.folder / "data", *options]
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
            if self.answers():
                return
            time.sleep(0.1)
        raise RuntimeError(f"PostgreSQL does not start; see {self.folder / 'log'}")

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.uri, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def freeze(self, seconds: float) -> None:
        """Let no process of the server do anything for a while."""
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """To every process of the server."""
        if self._process is not None:
            for pid in [self._process.pid, *children(self._process.pid)]:
                send(pid, number)

    def kill(self) -> None:
        """SIGKILL for the postmaster; its backends notice it and end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def backends(self) -> list[int]:
        """Ids of the processes that serve connections of clients (they name the socket in their title)."""
        found = []
        for pid in children(self._process.pid) if self._process is not None else []:
            with suppress(OSError):
                if b"[local]" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def close(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # the fast shutdown: it does not wait for clients
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self.kill()
        if self.disk is not None:
            self.disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class OwnRedis:
    """A redis-server that keeps nothing on disk."""

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix="fm-redis-"))
        self.socket = self.folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @staticmethod
    def missing() -> str:
        """Why no server can be started here; empty when it can."""
        return "" if shutil.which("redis-server") else "there is no redis-server"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + PATIENCE
        while not self.call("PING").startswith(b"+PONG"):
            if time.monotonic() > until:
                raise RuntimeError("redis-server does not start")
            time.sleep(0.05)

    def call(self, command: str) -> bytes:
        """The raw answer to a command; empty when the server does not answer."""
        import socket

        with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
            connection.settimeout(2)
            connection.connect(str(self.socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(1000)
        return b""

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            if number == signal.SIGKILL:
                self._process.wait()

    def close(self) -> None:
        self.signal(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _pg_binary(name: str) -> Path | None:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if newest:
        return newest[-1]
    found = shutil.which(name)
    return Path(found) if found else None


def _is_user(name: str) -> bool:
    import pwd

    with suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _as_postgres() -> list[str]:
    """initdb and postgres refuse to run as root. setpriv replaces itself, so the process id is the server's."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
