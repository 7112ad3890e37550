"""The sun at known places and moments, and what reaches the ground."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from flexmeasures_regression.solar_geometry import PLANES, diffuse_fraction, split, sun

HOUR_MS = 3_600_000


def at(moment, latitude, longitude, length=60_000):
    starts = np.array([int(moment.timestamp() * 1000) - length // 2])
    return sun(starts, length, latitude, longitude)


@pytest.mark.parametrize(
    ("moment", "place", "elevation"),
    [
        # Noon at an equinox on the equator and at a solstice on a tropic: overhead. Polar night.
        (datetime(2026, 3, 20, 12, 7, tzinfo=UTC), (0.0, 0.0), 90.0),
        (datetime(2026, 6, 21, 12, 2, tzinfo=UTC), (23.44, 0.0), 90.0),
        (datetime(2026, 12, 21, 12, 0, tzinfo=UTC), (80.0, 0.0), 0.0),
        # The example of NREL's Solar Position Algorithm (Reda and Andreas 2004): zenith 50.11 degrees.
        (datetime(2003, 10, 17, 19, 30, 30, tzinfo=UTC), (39.742476, -105.1786), 39.89),
    ],
)
def test_the_sun_stands_where_it_is_known_to(moment, place, elevation):
    found = np.rad2deg(np.arcsin(at(moment, *place).height[0]))
    assert found == pytest.approx(elevation, abs=0.5 if elevation < 80 else 1.5)


def test_a_plane_towards_the_morning_gets_its_light_in_the_morning():
    east, west = PLANES.index((90, 90)), PLANES.index((90, 270))
    morning = at(datetime(2026, 6, 1, 7, tzinfo=UTC), 50.0, 0.0).facing[0]
    evening = at(datetime(2026, 6, 1, 17, tzinfo=UTC), 50.0, 0.0).facing[0]
    assert morning[east] > 0.5 > morning[west] == 0
    assert evening[west] > 0.5 > evening[east] == 0


def test_at_night_there_is_no_light_on_any_plane():
    dark = at(datetime(2026, 6, 1, 0, tzinfo=UTC), 50.0, 0.0)
    assert dark.height[0] == dark.clear[0] == dark.outside[0] == 0
    assert (dark.facing == 0).all()


def test_a_slot_gets_the_mean_of_its_parts():
    whole = at(datetime(2026, 6, 1, 6, tzinfo=UTC), 50.0, 0.0, 4 * HOUR_MS)
    parts = [at(datetime(2026, 6, 1, hour, 30, tzinfo=UTC), 50.0, 0.0, HOUR_MS) for hour in (4, 5, 6, 7)]
    assert whole.clear[0] == pytest.approx(np.mean([part.clear[0] for part in parts]), rel=0.02)


def test_radiation_is_split_without_loss():
    noon = at(datetime(2026, 6, 1, 12, tzinfo=UTC), 50.0, 0.0)
    for radiation in (0.0, 100.0, 500.0, 900.0):
        beam, diffuse, clearness = split(np.array([radiation]), noon)
        assert beam[0] * noon.height[0] + diffuse[0] == pytest.approx(radiation)
        assert 0 <= clearness[0] <= 1
    assert diffuse_fraction(np.array([0.0, 0.9])).tolist() == [1.0, 0.165]
    steps = np.abs(np.diff(diffuse_fraction(np.linspace(0, 1, 1001))))
    assert steps.max() < 0.01  # no jump where the pieces meet
