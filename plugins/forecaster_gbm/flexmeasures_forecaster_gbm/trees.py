"""Gradient-boosted regression trees by LightGBM. Numbers in, numbers out; knows neither sensors nor times.

Method: Friedman, Greedy function approximation (2001); the library: Ke and others, LightGBM (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TREES = 200
# One thread and fixed seeds: equal numbers give equal trees, and processes share the cores.
SETTINGS: dict[str, Any] = {
    "objective": "l1",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 40,
    "max_bin": 63,
    "lambda_l2": 1.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "seed": 1,
    "num_threads": 1,
    "deterministic": True,
    "force_col_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Trees:
    """What was grown."""

    booster: Any

    def __call__(self, x: Floats) -> Floats:
        """The sum of the trees' answers for rows x (n, p), shape (n,); x may hold NaN for what is not known."""
        if len(x) == 0:
            return np.empty(0)
        values: Floats = self.booster.predict(x, num_threads=1)
        return values


def grow(x: Floats, y: Floats) -> Trees:
    """Grow trees whose sum is near y (n,) by rows x (n, p), which may hold NaN: least absolute deviations."""
    import lightgbm

    data = lightgbm.Dataset(x, y, params=SETTINGS)
    booster = lightgbm.train(SETTINGS, data, num_boost_round=TREES)
    return Trees(booster.free_dataset())
