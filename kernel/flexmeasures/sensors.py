"""Deleting sensors with all that hangs on them."""

from __future__ import annotations

from flexmeasures import beliefs
from flexmeasures.db import after_commit, db
from flexmeasures.models.sensors import Sensor


def delete_sensor(sensor: Sensor) -> int:
    """Delete a sensor with its beliefs, schedules and jobs; returns how many beliefs went."""
    from flexmeasures.runtime import runtime

    removed = beliefs.remove(sensors=[sensor.id])
    db.session.delete(sensor)
    db.session.flush()
    hub = runtime()
    after_commit(lambda: hub.tell("on_sensor_deleted", sensor=sensor))
    return removed
