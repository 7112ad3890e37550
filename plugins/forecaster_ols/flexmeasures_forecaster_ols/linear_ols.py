"""linear-OLS: the regression of the library as it is."""

from __future__ import annotations

from flexmeasures_regression.forecaster import RegressionForecaster


class LinearOLS(RegressionForecaster):
    """Linear regression on what was known the horizon before each event's end (contract 17.3 to 17.8).

    A model learns from the 10,000 slots that ended before the UTC day up to which its events know the history, so
    that it serves all events of that day. Loss, transformation and forgetting are chosen anew each week by how well
    they forecast the eight weeks before. It needs 14 days of values.
    """

    name = "linear-OLS"
    version = "2"
    fallback = "naive"
