"""The steps of the demo: what it does just now on standard error, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


@dataclass
class Step:
    """The step that is under way; `advance` tells how far it is."""

    progress: Progress
    task: TaskID
    shown: float = 0.0

    def advance(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done; drawn ten times a second at most."""
        self.progress.update(self.task, completed=done, total=total)
        if done == total or time.monotonic() - self.shown > 0.1:
            self.shown = time.monotonic()
            self.progress.refresh()


@dataclass
class Steps:
    """Names and seconds of the steps so far.

    Nothing is drawn by a thread of its own, because worker processes are forked from this one.
    """

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """One step, from its name on the screen to its seconds."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        started = time.monotonic()
        hidden = not self.console.is_terminal
        if hidden:
            self.console.print(f"{name} ...")
        with Progress(
            *columns, console=self.console, auto_refresh=False, transient=True, disable=hidden
        ) as progress:
            task = progress.add_task(name, total=None)
            progress.refresh()
            yield Step(progress, task)
        self.seconds[name] = time.monotonic() - started
        self.console.print(f"{name}: {self.seconds[name]:.1f} s")
