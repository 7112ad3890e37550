"""Processes run at their cheapest, as trying all ways says."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_scheduler_curtail_shift.shifting import Process, at_once, place


def process(prices: list[float], profile: list[float], **more: object) -> Process:
    window = {"first": 0, "last": len(prices)}
    return Process(profile=np.array(profile), prices=np.array(prices), hours=0.25, **(window | more))  # type: ignore[arg-type]


def test_all_or_nothing_runs_without_a_pause() -> None:
    assert place(process([9, 1, 9, 4, 4, 9], [2, 2])).tolist() == [0, 0, 0, 2, 2, 0]


def test_an_interruptible_process_waits_between_its_parts() -> None:
    assert place(process([9, 1, 9, 4, 3, 9], [2, 2], interruptible=True)).tolist() == [0, 2, 0, 0, 2, 0]


def test_of_equal_prices_it_runs_at_the_soonest() -> None:
    for interruptible in (False, True):
        assert place(process([5, 5, 5, 5], [1, 1], interruptible=interruptible)).tolist() == [1, 1, 0, 0]


def test_it_keeps_to_its_window() -> None:
    found = place(process([1, 9, 9, 2, 9, 1], [3], first=1, last=5))
    assert found.tolist() == [0, 0, 0, 3, 0, 0]
    assert at_once(process([1, 9, 9, 2, 9, 1], [3, 3], first=1, last=5)).tolist() == [0, 3, 3, 0, 0, 0]


def test_without_room_there_is_no_plan() -> None:
    tight = process([1, 2, 3], [1, 1], first=2)
    assert not tight.fits
    with pytest.raises(ValueError, match="longer than its window"):
        place(tight)


numbers = st.lists(st.integers(-9, 9).map(float), min_size=3, max_size=8)


@given(numbers, st.lists(st.integers(-2, 3).map(float), min_size=1, max_size=3), st.booleans())
def test_it_costs_the_least_of_all_ways(
    prices: list[float], profile: list[float], interruptible: bool
) -> None:
    task = process(prices, profile, interruptible=interruptible)
    ways = (
        combinations(range(len(prices)), len(profile))
        if interruptible
        else (range(k, k + len(profile)) for k in range(len(prices) - len(profile) + 1))
    )
    least = min(sum(prices[slot] * power for slot, power in zip(way, profile, strict=True)) for way in ways)
    assert float(task.prices @ place(task)) == pytest.approx(least)
