"""Back up, reset and restore the whole database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexmeasures.doors import door

if TYPE_CHECKING:
    pass

__all__, __getattr__ = door(
    __name__,
    {},
)
