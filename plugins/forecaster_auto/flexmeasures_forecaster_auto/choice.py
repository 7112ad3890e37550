"""Which of several forecasts was best lately. Numbers in, words and numbers out; knows neither sensors nor times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BETTER = (
    0.98  # a challenger's error has to be below this part of the one's that is chosen, so that choices stay
)
OFTEN = 0.75  # part of the parts in which it has to be the better one, so that one lucky week decides nothing
CLOSE = 1.1  # the mean of the two best is tried where the second's error is at most this times the first's
COMPLETE = 0.9  # part of the events of the default that others need to have forecast too


@dataclass(frozen=True)
class Choice:
    """The numbers of the forecasts whose mean is taken, and why in words."""

    members: tuple[int, ...]
    because: str


def choose(outcomes: Floats, said: Floats, names: Sequence[str], part: int, fewest: int) -> Choice | None:
    """Go through the past part by part; what is chosen stays until something else is clearly better.

    outcomes: (n,); said: (forecasts, n), the default first; part: length of a part; fewest: of them,
    on which is chosen. None where there are not so many.
    """
    usual = np.isfinite(outcomes) & np.isfinite(said[0])
    eligible = [
        number
        for number, values in enumerate(said)
        if np.isfinite(values[usual]).sum() >= COMPLETE * usual.sum()
    ]
    known = usual & np.isfinite(said[eligible]).all(axis=0)
    enough = COMPLETE * fewest * part
    if known.sum() < enough:
        return None
    options = [(number,) for number in eligible]
    every = np.array([_error(outcomes, said, option, known) for option in options])
    best = np.argsort(every, kind="stable")[:2]
    if len(best) == 2 and every[best[1]] <= CLOSE * every[best[0]]:
        options.append(tuple(sorted(eligible[place] for place in best)))
    chosen = options[0]
    for edge in range(len(outcomes) % part or part, len(outcomes) + 1, part):
        so_far = known & (np.arange(len(outcomes)) < edge)
        if so_far.sum() >= enough:
            errors = [_error(outcomes, said, option, so_far) for option in options]
            by_part = _by_part(outcomes, said, options, so_far, part)
            now = options.index(chosen)
            better = [
                place
                for place in np.argsort(errors, kind="stable").tolist()
                if errors[place] < BETTER * errors[now] and (by_part[place] < by_part[now]).mean() >= OFTEN
            ]
            chosen = options[better[0]] if better else chosen
    return Choice(chosen, _because(outcomes, said, names, options, chosen, known))


def _by_part(
    outcomes: Floats, said: Floats, options: Sequence[tuple[int, ...]], where: NDArray[np.bool_], part: int
) -> Floats:
    """Sums of absolute errors by part of the past, counted from its end; shape (options, parts with events)."""
    parts = (len(outcomes) - 1 - np.flatnonzero(where)) // part
    _, place = np.unique(parts, return_inverse=True)
    sums = [
        np.bincount(place, np.abs(outcomes[where] - said[list(option)][:, where].mean(axis=0)))
        for option in options
    ]
    return np.array(sums)


def _error(outcomes: Floats, said: Floats, members: tuple[int, ...], where: NDArray[np.bool_]) -> float:
    """Mean absolute error of the mean of some forecasts."""
    return float(np.abs(outcomes[where] - said[list(members)][:, where].mean(axis=0)).mean())


def _because(
    outcomes: Floats,
    said: Floats,
    names: Sequence[str],
    options: Sequence[tuple[int, ...]],
    chosen: tuple[int, ...],
    known: NDArray[np.bool_],
) -> str:
    """What was chosen, and how large the errors of the others were beside it."""
    own = _error(outcomes, said, chosen, known)
    others = []
    for option in options:
        if option != chosen:
            more = _error(outcomes, said, option, known) / own - 1 if own else 0.0
            others.append(f"{_words(option, names)} {more:+.1%}")
    beside = f"; errors beside it: {', '.join(others)}" if others else ""
    return f"{_words(chosen, names)} by the newest weeks{beside}"


def _words(option: tuple[int, ...], names: Sequence[str]) -> str:
    return names[option[0]] if len(option) == 1 else f"the mean of {' and '.join(names[k] for k in option)}"
