"""Places over a region: the centres of the cells of a grid."""

from __future__ import annotations

import math
from typing import Literal

from flexmeasures.errors import InputError
from flexmeasures_weather.base import Place

ACCEPTED = (
    "latitude,longitude such as 33.4366,126.5269, or two of them, top left and bottom right, with : between"
)
MOST_CELLS = 10_000

Method = Literal["square", "hex"]


def places_of(location: str, cells: int = 1, method: Method = "hex") -> list[Place]:
    """The place that a text names, or the centres of at least so many cells over the region that it names.

    Args:
        location: "latitude,longitude", or "latitude,longitude:latitude,longitude" (top left, bottom right).
        cells: How many, for a region; of a kind that is about as high as it is wide on the ground.
        method: "square", or "hex": rows in which every second one is moved by half a cell.

    Raises:
        InputError: For what is no place or region, and for more than MOST_CELLS cells.
    """
    if not 1 <= cells <= MOST_CELLS:
        raise InputError(f"{cells} cells cannot be made.", "num-cells", f"1 to {MOST_CELLS}")
    corners = [_place(text) for text in location.split(":")]
    if len(corners) == 1:
        return corners if cells == 1 else _refuse_cells()
    if len(corners) != 2:
        raise InputError(f"location {location!r} is not understood.", "location", ACCEPTED)
    top_left, bottom_right = corners
    return _centres(top_left, bottom_right, cells, method)


def _place(text: str) -> Place:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"location {text!r} is not understood.", "location", ACCEPTED) from None
    if not (math.isfinite(latitude) and math.isfinite(longitude)):
        raise InputError(f"location {text!r} is not understood.", "location", ACCEPTED)
    return Place(latitude, longitude)


def _refuse_cells() -> list[Place]:
    raise InputError("One place has no cells.", "num-cells", "1, or a location of two corners")


def _centres(top_left: Place, bottom_right: Place, cells: int, method: Method) -> list[Place]:
    height = top_left.latitude - bottom_right.latitude
    width = (bottom_right.longitude - top_left.longitude) % 360  # a region may lie across the 180th meridian
    if height <= 0 or width <= 0:
        raise InputError("The region has no extent.", "location", "top left and bottom right, in this order")
    middle = math.radians((top_left.latitude + bottom_right.latitude) / 2)
    ratio = height / max(width * math.cos(middle), 1e-9)
    rows = min(cells, max(1, round(math.sqrt(cells * ratio))))
    columns = math.ceil(cells / rows)
    found = []
    for row in range(rows):
        moved = 0.25 * (1 if row % 2 else -1) if method == "hex" and rows > 1 else 0.0
        for column in range(columns):
            latitude = top_left.latitude - (row + 0.5) * height / rows
            longitude = top_left.longitude + (column + 0.5 + moved) * width / columns
            found.append(Place(round(latitude, 4), round((longitude + 180) % 360 - 180, 4)))
    return found
