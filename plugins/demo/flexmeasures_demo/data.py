"""The shipped data as regular arrays (origin and licences: data/LICENCES.md)."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime, timedelta
from importlib.resources import files

import numpy as np

from flexmeasures.errors import InputError
from flexmeasures.timeseries import TimeSeries

HOUR = timedelta(hours=1)


def read(name: str) -> dict[str, TimeSeries]:
    """The columns of data/<name>.csv.gz, hourly, in the file's units and sign; NaN where a field is empty."""
    packed = files("flexmeasures_demo").joinpath("data", f"{name}.csv.gz").read_bytes()
    lines = csv.reader(gzip.decompress(packed).decode().splitlines())
    header = next(lines)
    rows = list(lines)
    times = [datetime.fromisoformat(row[0]) for row in rows]
    start, end = times[0], times[-1] + HOUR
    slots = [(time - start) // HOUR for time in times]
    if len(set(slots)) != len(slots):
        raise InputError(f"data/{name}.csv.gz names an hour twice.")
    columns = {}
    for number, column in enumerate(header[1:], start=1):
        values = np.full((end - start) // HOUR, np.nan)
        values[slots] = [float(row[number]) if row[number] else np.nan for row in rows]
        columns[column] = TimeSeries(start, HOUR, values)
    return columns
