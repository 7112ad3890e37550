"""Who works on a job: a name for each process, also beside others on the same machine."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


_FIRST_NAMESPACE = "4026531836"  # of process ids; Linux gives it this number always


def worker_name(pid: int | None = None) -> str:
    """The name of a process of this machine (None: this one) as a worker: host and process id."""
    return f"{machine()}:{pid or os.getpid()}"


@cache
def machine() -> str:
    """Where a process id means the same process: the host, and in a container its own namespace as well."""
    host, namespace = socket.gethostname(), ""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
    return host if namespace in ("", _FIRST_NAMESPACE) else f"{host}/{namespace}"
