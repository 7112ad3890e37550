"""What a further regressor costs that tells nothing new: noise, a copy, a copy in another unit, on sets of real data.

By the same call as bench/forecasting.py; 1 - WAPE in % at 1, 6, 24 and 48 h. `python more_regressors.py [SET]...`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
from forecast_sets import HORIZONS, HOUR, SETS, BenchSet
from forecasting import scores

from flexmeasures.timeseries import TimeSeries

KINDS = ("plain", "noise", "copy", "scaled copy")
MOST = 0.3  # points that a further regressor may cost


def with_more(of: BenchSet, kind: str) -> BenchSet | None:
    """The set with a further regressor of that kind; None where it has none that could be copied."""
    first = next(iter(of.weather.values()), None)
    if kind == "plain":
        return of
    if kind == "noise":
        count = len(of.series.values) + max(HORIZONS) // HOUR
        drawn = np.random.default_rng(3).normal(size=count)
        like = first or dict.fromkeys(HORIZONS, of.series)
        more = {
            horizon: TimeSeries(each.start, each.resolution, drawn[: len(each.values)])
            for horizon, each in like.items()
        }
    elif first is None:
        return None
    else:
        factor = 1000.0 if kind == "scaled copy" else 1.0
        more = {horizon: replace(each, values=factor * each.values) for horizon, each in first.items()}
    return replace(of, weather={**of.weather, kind: more})


def measure(asked: tuple[str, str]) -> tuple[str, str, list[float] | None]:
    """Of a set and a kind, 1 - WAPE of linear-OLS by horizon."""
    name, kind = asked
    of = with_more(SETS[name](), kind)
    return (
        name,
        kind,
        None if of is None else [100 * each.one_minus_wape for each in scores(of, ["linear-OLS"])],
    )


def rows(names: list[str]) -> Iterator[str]:
    """A line for each set and kind, with what it costs beside the plain set."""
    plain: list[float] = []
    with ProcessPoolExecutor() as pool:
        for name, kind, found in pool.map(measure, [(name, kind) for name in names for kind in KINDS]):
            if found is None:
                continue
            plain = found if kind == "plain" else plain
            costs = max(before - now for before, now in zip(plain, found, strict=True))
            figures = " ".join(f"{each:6.2f}" for each in found)
            yield f"{name:34} {kind:12} {figures}  costs {costs:5.2f}{'  TOO MUCH' if costs > MOST else ''}"


if __name__ == "__main__":
    for line in rows(sys.argv[1:] or list(SETS)):
        print(line, flush=True)
