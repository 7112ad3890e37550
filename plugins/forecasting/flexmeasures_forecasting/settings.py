"""Settings of this package."""

from __future__ import annotations

from flexmeasures.config import Setting

SETTINGS = [
    Setting(
        "FLEXMEASURES_FORECASTERS",
        {},
        dict,
        'Which forecaster serves which sensor type: type name or "default" to forecaster name.',
    ),
    Setting(
        "FLEXMEASURES_FORECAST_QUANTILES",
        [0.1, 0.5, 0.9],
        list,
        "Probabilities for which forecasts tell quantiles: numbers between 0 and 1.",
    ),
]
