"""Weather and prices that come in by themselves: what the recurring jobs of providers brought."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.models import Job, JobState
from flexmeasures_market_data import IMPORT as PRICES
from flexmeasures_weather import IMPORT as WEATHER

PLACE, ZONE = "47.37,8.54", "CH"  # Zurich, far from the assets, whose own weather was measured
PATIENCE = 20.0  # seconds


def settings(address: str) -> dict[str, Any]:
    """Let the workers ask the local services for the weather of a place, and for the prices of a zone."""
    return {
        "FLEXMEASURES_WEATHER_PLACES": [PLACE],
        "FLEXMEASURES_WEATHER_PROVIDER": "Open-Meteo",
        "FLEXMEASURES_OPENMETEO_URL": address,
        "FLEXMEASURES_PRICE_ZONES": [ZONE],
        "FLEXMEASURES_PRICE_PROVIDER": "Energy-Charts",
        "FLEXMEASURES_ENERGY_CHARTS_URL": address,
    }


def wait_for_both() -> list[dict[str, Any]]:
    """What each of the two jobs brought, once they ended; in an app context."""
    query = select(Job).where(Job.function.in_((WEATHER, PRICES))).order_by(Job.id)
    until = time.monotonic() + PATIENCE
    while True:
        ended = [
            job for job in db.session.scalars(query) if job.state in (JobState.FINISHED, JobState.FAILED)
        ]
        db.session.rollback()
        if {job.function for job in ended} == {WEATHER, PRICES} or time.monotonic() > until:
            return [
                {"job": job.function, "source": job.algorithm, "result": job.result or job.error}
                for job in ended
            ]
        time.sleep(0.05)
