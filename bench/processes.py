"""Start a command in a process of its own, and tell how long it took and how much memory it used at most.

Imports nothing but what Python has loaded anyway: a child's peak memory counts from that of its parent.
"""

import os
import sys
import time


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds from start to end of a command whose output is thrown away, and its peak memory in MiB."""
    begin = time.perf_counter()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
    process = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        raise RuntimeError(f"{' '.join(command)} ended with status {status}")
    return seconds, usage.ru_maxrss / 1024


if __name__ == "__main__":
    print(*timed(sys.argv[1:]))
