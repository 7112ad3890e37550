"""A client of the FlexMeasures API, version 2.0, for people who write programs and notebooks.

    from flexmeasures_client import Client

    with Client("https://flexmeasures.example.com", "ada@example.com", password) as client:
        measured = client.get_meter_data(address, start, end).to_pandas()

It speaks HTTP and imports nothing of the server. Power is in MW with consumption positive.
"""

from __future__ import annotations

from flexmeasures_client.client import Client, Connection, Target, market_address, weather_address
from flexmeasures_client.errors import (
    AlreadyStored,
    ClientError,
    NoSchedule,
    NotAuthenticated,
    RequestRefused,
    ScheduleNotReady,
    ServerUnavailable,
    ServerWarning,
)
from flexmeasures_client.series import Series

__all__ = [
    "AlreadyStored",
    "Client",
    "ClientError",
    "Connection",
    "NoSchedule",
    "NotAuthenticated",
    "RequestRefused",
    "ScheduleNotReady",
    "Series",
    "ServerUnavailable",
    "ServerWarning",
    "Target",
    "market_address",
    "weather_address",
]
