"""Every numbered line of the behaviour contract is accounted for in tests/contract_index.txt."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
INDEX = TESTS / "contract_index.txt"
CONTRACT = TESTS.parents[1] / "shared" / "contract.md"
STATUSES = re.compile(r"test|not observable|not built: \S.*")
DECISIONS = 20


def _listed() -> dict[str, str]:
    rows = [row.partition(" ") for row in INDEX.read_text().splitlines() if row and not row.startswith("#")]
    listed = {line: status for line, _, status in rows}
    assert len(listed) == len(rows), "a line is listed twice"
    return listed


def _marked() -> set[str]:
    marks = re.compile(r"@pytest\.mark\.contract\(([^)]*)\)")
    texts = [path.read_text() for path in TESTS.rglob("test_*.py")]
    return {line for text in texts for mark in marks.findall(text) for line in re.findall(r'"([^"]+)"', mark)}


def test_each_listed_line_has_a_status_that_can_be_true(capsys: pytest.CaptureFixture[str]) -> None:
    listed = _listed()
    wrong = {line: status for line, status in listed.items() if not STATUSES.fullmatch(status)}
    assert wrong == {}
    counts = Counter(status.partition(":")[0] for status in listed.values())
    with capsys.disabled():
        print(f"\ncontract: {', '.join(f'{number} {status}' for status, number in counts.most_common())}")


def test_each_line_that_is_listed_as_tested_has_a_test_and_no_other_has() -> None:
    tested = {line for line, status in _listed().items() if status == "test"}
    marked = _marked()
    assert tested - marked == set(), "listed as tested, but no test is marked with it"
    assert marked - tested == set(), "a test is marked with it, but it is not listed as tested"


def test_the_index_lists_the_lines_of_the_contract_and_no_others() -> None:
    if not CONTRACT.exists():
        pytest.skip(f"{CONTRACT} is not here")
    numbered = re.findall(r"^(\d+\.\d+) ", CONTRACT.read_text(), re.M)
    assert set(_listed()) == set(numbered) | {f"D{number}" for number in range(1, DECISIONS + 1)}
