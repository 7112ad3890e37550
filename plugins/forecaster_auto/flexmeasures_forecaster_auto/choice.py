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
            least = int(np.argmin(errors))
            if errors[least] < BETTER * errors[options.index(chosen)]:
                chosen = options[least]
    return Choice(chosen, _because(outcomes, said, names, options, chosen, known))


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
