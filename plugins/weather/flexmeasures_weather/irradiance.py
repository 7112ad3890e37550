"""Radiation from cloud cover, where a provider gives no radiation."""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flexmeasures_weather.base import Place

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

DIMMED, POWER = 0.87, 1.9  # contract 22.6: what clouds take of the clear sky's radiation


def radiation_under_clouds(
    place: Place, start: datetime, resolution: timedelta, cloud_cover: Floats
) -> Floats:
    """Global horizontal radiation in kW/m², shape (n,), from cloud cover (0 to 1) by slot; NaN where that is NaN.

    That of the clear sky in the middle of each slot (model of Ineichen and Perez 2002, by pvlib), times
    1 - 0.87 cloud_cover^1.9.
    """
    import numpy as np
    import pandas as pd
    from pvlib.location import Location

    middles = pd.date_range(start + resolution / 2, periods=len(cloud_cover), freq=resolution)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of pandas 3, for names that pvlib 0.16 still uses
        clear = Location(place.latitude, place.longitude).get_clearsky(middles)["ghi"].to_numpy(float)
    found: Floats = clear / 1000 * (1 - DIMMED * np.clip(cloud_cover, 0, 1) ** POWER)
    return found
