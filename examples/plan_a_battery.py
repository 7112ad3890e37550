"""Post the prices of tomorrow and the state of a battery, and print what the battery should do.

    python examples/plan_a_battery.py http://127.0.0.1:5000 ada@example.com PASSWORD battery epex_da

The user has to be the owner of a battery of that (display) name, whose market has that name.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

from flexmeasures_client import Client, Series

PRICES = [45, 43, 42, 40, 41, 44, 52, 63, 72, 66, 52, 41, 38, 47, 55, 70, 89, 98, 93, 80, 68, 60, 53, 48]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def plan(client: Client, name: str, market: str, start: datetime) -> Series:
    """The plan of a battery for the day from `start` on: MW, consumption positive."""
    address = next(found.address for found in client.connections() if found.name == name)
    asset = client.get_asset(int(address.rpartition(":")[2]))
    client.post_prices(market, PRICES, start=start, resolution=HOUR)
    event_id = (asset["soc_udi_event_id"] or 0) + 1
    event = client.post_soc(address, event_id, asset["min_soc_in_mwh"] or 0.0, at=start)
    return client.wait_for_device_message(event, DAY)


def main(url: str, email: str, password: str, name: str, market: str) -> None:
    """Ask for the plan of tomorrow, and print a line for each change of power."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    with Client(url, email, password) as client:
        before = None
        for at, power in plan(client, name, market, tomorrow):
            if power != before:
                print(f"{at:%Y-%m-%d %H:%M} {power:8.3f} MW")
            before = power


if __name__ == "__main__":
    main(*sys.argv[1:])
