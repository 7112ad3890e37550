"""Bundle work in a transaction (the documentation's chapter "Handling data" points here).

    @as_transaction
    def rename(asset: Asset, name: str) -> None:
        asset.name = name

All of the function is stored, or nothing if it raises. `with transaction() as session:` does the same for a
block of code. Both need an app context.

    @task_with_status_report("import-prices")
    def import_prices() -> None: ...

notes when the task ran last and whether it succeeded, which GET /api/ops/getLatestTaskRun tells.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

import click

from flexmeasures.db import dialect_insert
from flexmeasures.db import writing as transaction

__all__ = ["as_transaction", "report_task_run", "task_with_status_report", "transaction"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def as_transaction(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run the function in one write transaction: committed when it returns, rolled back when it raises."""

    @functools.wraps(function)
    def in_transaction(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with transaction():
            return function(*args, **kwargs)

    return in_transaction


def report_task_run(name: str, succeeded: bool, at: datetime | None = None) -> None:
    """Note that the task of that name has run (`at`: None for now, in real time); replaces what was noted before."""
    from flexmeasures.models import LatestTaskRun

    moment = (at or datetime.now(UTC)).astimezone(UTC)
    run = {"datetime": moment, "status": succeeded}
    with transaction() as session:
        # One statement, as the first runs of a new task may end at the same moment.
        insert = dialect_insert(LatestTaskRun, session)
        upsert = insert.values(name=name, **run).on_conflict_do_update(index_elements=["name"], set_=run)
        session.execute(upsert.returning(LatestTaskRun), execution_options={"populate_existing": True})


def task_with_status_report(task: Any) -> Any:
    """Decorate a task, bare or with a name for it (else the function's), so that each run is noted.

    A task that raises is noted as failed, and raises on.
    """
    if isinstance(task, str):
        return functools.partial(_reporting, name=task)
    return _reporting(task, name=task.__name__)


def _reporting(function: Callable[Arguments, Result], name: str) -> Callable[Arguments, Result]:
    @functools.wraps(function)
    def reported(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        succeeded = False
        try:
            result = function(*args, **kwargs)
            succeeded = True
            return result
        finally:
            report_task_run(name, succeeded)
            click.echo(f"Reported task {name} status as {succeeded}")

    return reported
