"""Bundle work in a transaction (the documentation's chapter "Handling data" points here).

    @as_transaction
    def rename(asset: Asset, name: str) -> None:
        asset.name = name

All of the function is stored, or nothing if it raises. `with transaction() as session:` does the same for a
block of code. Both need an app context.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flexmeasures.db import writing as transaction

__all__ = ["as_transaction", "transaction"]

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def as_transaction(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run the function in one write transaction: committed when it returns, rolled back when it raises."""

    @functools.wraps(function)
    def in_transaction(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with transaction():
            return function(*args, **kwargs)

    return in_transaction
