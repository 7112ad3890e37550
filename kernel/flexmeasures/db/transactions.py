"""Write transactions, and what is called after they are committed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from flexmeasures.db.engine import _transaction, db


@contextmanager
def _gate(engine: Engine) -> Iterator[None]:
    """Let one write transaction in at a time: SQLite's own waiting is unfair between processes."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        yield
        return
    descriptor = os.open(f"{Path(path)}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def beginning_immediately(lasting: bool = True) -> Iterator[None]:
    """Let transactions that begin inside take SQLite's write lock at once (used for forms).

    lasting: see `writing`.
    """
    before = getattr(_transaction, "writes", False), getattr(_transaction, "lasting", True)
    _transaction.writes, _transaction.lasting = True, lasting
    try:
        yield
    finally:
        _transaction.writes, _transaction.lasting = before


@contextmanager
def writing(lasting: bool = True) -> Iterator[Session]:
    """A write transaction on the context's session: committed at the end, rolled back when something raises.

    lasting: False for what may be forgotten if the machine loses its power; SQLite does not wait for the disk
    then. (PostgreSQL would forget it also when it is killed itself, so it does wait.)

    Everything that stores goes through here. Nested uses join the outermost. What a read transaction of
    the same session saw before is given up first, so look things up inside when it matters. Functions
    passed to `after_commit` run once the outermost has committed.
    """
    session = db.session
    if session.info.get("writing"):
        yield session
        return
    engine = session.get_bind().engine
    if engine.dialect.name == "sqlite":
        session.commit()  # PostgreSQL's statements see what others have committed in any case
    session.info["after_commit"] = []
    try:
        with _gate(engine), beginning_immediately(lasting):
            session.info["writing"] = True
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                session.info["after_commit"] = []
                raise
            finally:
                session.info["writing"] = False
    finally:
        callbacks = session.info.pop("after_commit", [])
    for callback in callbacks:
        callback()


def after_commit(callback: Callable[[], None]) -> None:
    """Run `callback` after the current write transaction has committed; not at all if it rolls back."""
    callbacks: list[Callable[[], None]] | None = db.session.info.get("after_commit")
    if callbacks is None:
        raise RuntimeError("after_commit() needs an open `with writing():` transaction.")
    callbacks.append(callback)


class _Together:
    """Items of one transaction that one function is to be called with."""

    def __init__(self, function: Callable[[list[Any]], None]) -> None:
        self.function, self.items = function, list[Any]()

    def __call__(self) -> None:
        self.function(self.items)


def after_commit_together(function: Callable[[list[Any]], None], item: Any) -> None:
    """As after_commit, but `function` is called once, with all items that the transaction gave for it."""
    callbacks = db.session.info.get("after_commit") or []
    together = next((c for c in callbacks if isinstance(c, _Together) and c.function == function), None)
    if together is None:
        together = _Together(function)
        after_commit(together)
    together.items.append(item)
