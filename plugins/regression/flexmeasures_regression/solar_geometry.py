"""Where the sun stands and what it sends through a clear sky onto tilted planes. Numbers in, numbers out.

Times are milliseconds since the epoch, angles of places degrees north and east. Directions are unit vectors
(up, east, north). Position by Spencer (1971), clear sky by Haurwitz (1945), split of global radiation into
beam and diffuse by Erbs, Klein and Duffie (1982), diffuse light taken as the same from all of the sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAY_MS = 86_400_000
YEAR_DAYS = 365.2425
SOLAR_CONSTANT = 1367.0  # W/m2
PARTS = 4  # of a slot, whose mean is taken

# Tilt and direction (clockwise from north) of the planes, in degrees. No panel has to face one of these: it
# is described by a sum of several.
PLANES = ((20, 180), (35, 180), (35, 120), (35, 240), (60, 180), (90, 180), (90, 90), (90, 270))


@dataclass(frozen=True)
class Sun:
    """The sun over slots, all shape (n,) or (n, planes), means over each slot.

    height: sine of the elevation, 0 at night. clear: global radiation of a clear sky on the ground in W/m2.
    outside: the same without an atmosphere. facing: cosine of the angle between sun and each plane, 0 from
    behind and at night. year: angle of the day in its year.
    """

    height: Floats
    clear: Floats
    outside: Floats
    facing: Floats
    year: Floats


def sun(starts_ms: Ints, length_ms: int, latitude: float, longitude: float) -> Sun:
    """The sun over slots of one length at a place."""
    moments = starts_ms[:, None] + (np.arange(PARTS) + 0.5) * (length_ms / PARTS)
    year = 2 * np.pi * (moments / DAY_MS % YEAR_DAYS) / YEAR_DAYS
    up, east, north = direction(moments, year, latitude, longitude)
    height = np.maximum(up, 0.0)
    facing = [(_onto_plane(up, east, north, *plane) * (up > 0)).mean(axis=1) for plane in PLANES]
    outside = SOLAR_CONSTANT * (1 + 0.033 * np.cos(year)) * height
    clear = 1098 * height * np.exp(-0.057 / np.maximum(height, 1e-3))
    return Sun(
        height.mean(axis=1),
        clear.mean(axis=1),
        outside.mean(axis=1),
        np.stack(facing, axis=1),
        year.mean(axis=1),
    )


def direction(
    moments: Floats, year: Floats, latitude: float, longitude: float
) -> tuple[Floats, Floats, Floats]:
    """Unit vector towards the sun: up, east, north."""
    declination = (
        0.006918
        - 0.399912 * np.cos(year)
        + 0.070257 * np.sin(year)
        - 0.006758 * np.cos(2 * year)
        + 0.000907 * np.sin(2 * year)
        - 0.002697 * np.cos(3 * year)
        + 0.00148 * np.sin(3 * year)
    )
    minutes = 229.18 * (
        0.000075
        + 0.001868 * np.cos(year)
        - 0.032077 * np.sin(year)
        - 0.014615 * np.cos(2 * year)
        - 0.040849 * np.sin(2 * year)
    )
    hour = np.deg2rad((moments % DAY_MS / 60_000 + minutes + 4 * longitude) / 4 - 180)
    place = np.deg2rad(latitude)
    up = np.sin(place) * np.sin(declination) + np.cos(place) * np.cos(declination) * np.cos(hour)
    east = -np.cos(declination) * np.sin(hour)
    north = np.cos(place) * np.sin(declination) - np.sin(place) * np.cos(declination) * np.cos(hour)
    return up, east, north


def _onto_plane(up: Floats, east: Floats, north: Floats, tilt: float, azimuth: float) -> Floats:
    """Cosine of the angle between the sun and a plane's normal, 0 from behind."""
    slope, towards = np.deg2rad(tilt), np.deg2rad(azimuth)
    across = np.sin(towards) * east + np.cos(towards) * north
    facing: Floats = np.maximum(np.cos(slope) * up + np.sin(slope) * across, 0.0)
    return facing


def diffuse_fraction(clearness: Floats) -> Floats:
    """Part of the global radiation that is diffuse; clearness = radiation / radiation without an atmosphere."""
    cloudy = 1 - 0.09 * clearness
    middle = (
        0.9511 - 0.1604 * clearness + 4.388 * clearness**2 - 16.638 * clearness**3 + 12.336 * clearness**4
    )
    return np.where(clearness <= 0.22, cloudy, np.where(clearness <= 0.8, middle, 0.165))


def split(radiation: Floats, over: Sun) -> tuple[Floats, Floats, Floats]:
    """Beam (on a plane that faces the sun) and diffuse radiation in W/m2, and clearness; from the global one."""
    clearness = np.clip(radiation / np.maximum(over.outside, 20.0), 0.0, 1.0)
    diffuse = radiation * diffuse_fraction(clearness)
    beam = np.clip((radiation - diffuse) / np.maximum(over.height, 0.05), 0.0, 1100.0)
    return beam, diffuse, clearness
