"""A Redis for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flexmeasures.testing import cannot_test_on


@contextmanager
def temporary_redis() -> Iterator[str]:
    """A Redis for tests, as FLEXMEASURES_REDIS_URL: a server of our own on a unix socket, which may be killed.

    Where the program redis-server is missing it is the one at 127.0.0.1:6379; the names of queues carry the
    test's own database. Skips the test when neither is there.
    """
    import shutil
    import subprocess
    import tempfile

    import redis

    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        try:
            redis.Redis(host="127.0.0.1", socket_timeout=3).ping()
        except redis.RedisError as error:
            cannot_test_on("redis", str(error))
        yield "127.0.0.1"
        return
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        path = f"{folder}/socket"
        command = [program, "--port", "0", "--save", "", "--dir", folder, "--unixsocket", path]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:  # noqa: S603  a server of our own
            try:
                _wait_for_redis(path)
                yield path
            finally:
                server.kill()


def _wait_for_redis(path: str) -> None:
    import time

    import redis

    client = redis.Redis(unix_socket_path=path)
    for _ in range(500):
        try:
            client.ping()
        except redis.RedisError:
            time.sleep(0.01)
        else:
            client.close()
            return
    raise RuntimeError("The redis-server of the tests does not answer.")
