"""Markdown of the generated pages."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence

NOTE = "<!-- Made by docs/generate.py from the code: change it there, not here. -->\n\n"


def prose(text: str | None) -> str:
    """Text of a docstring or help as Markdown: what stands outside of `code` is never a tag."""
    parts = re.split(r"(`[^`]*`)", inspect.cleandoc(text or ""))
    return "".join(part if part.startswith("`") else re.sub(r"([<*])", r"\\\1", part) for part in parts)


def cell(text: str) -> str:
    """Text for one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; empty when there are no rows."""
    if not rows:
        return ""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(map(cell, line))} |\n" for line in lines) + "\n"
