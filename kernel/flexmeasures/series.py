"""TimeSeries: regular values of one sensor, as they pass between the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """One value a slot: slot k is [start + k * resolution, start + (k + 1) * resolution).

    start: UTC. values: float64, shape (n,), NaN where nothing is known; power in MW with consumption
    positive, prices in the market's unit, weather in the sensor's unit.
    """

    start: datetime
    resolution: timedelta
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    @property
    def end(self) -> datetime:
        """End of the last slot."""
        return self.start + len(self.values) * self.resolution

    @property
    def starts_ms(self) -> NDArray[np.int64]:
        """Slot starts in milliseconds since the epoch, shape (n,)."""
        import numpy as np

        from flexmeasures.timing import duration_ms, to_ms

        return to_ms(self.start) + duration_ms(self.resolution) * np.arange(len(self.values))

    def to_pandas(self) -> Any:
        """A pandas Series with a UTC DatetimeIndex (pandas is imported here only)."""
        import pandas as pd

        index = pd.date_range(self.start, periods=len(self.values), freq=self.resolution, name="event_start")
        return pd.Series(self.values, index=index)
