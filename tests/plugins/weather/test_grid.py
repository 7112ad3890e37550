"""Places over a region."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures.errors import InputError
from flexmeasures_weather.base import Place
from flexmeasures_weather.grid import places_of


def test_one_place_is_itself() -> None:
    assert places_of("33.4366,126.5269") == [Place(33.4366, 126.5269)]


def test_square_cells_lie_below_each_other() -> None:
    assert places_of("2,0:0,2", 4, "square") == [
        Place(1.5, 0.5),
        Place(1.5, 1.5),
        Place(0.5, 0.5),
        Place(0.5, 1.5),
    ]


def test_hexagonal_cells_have_every_second_row_moved_by_half_a_cell() -> None:
    first, _, third, _ = places_of("2,0:0,2", 4, "hex")
    assert third.longitude - first.longitude == 0.5


def test_a_region_may_lie_across_the_180th_meridian() -> None:
    assert [place.longitude for place in places_of("1,179:0,-179", 2, "square")] == [179.5, -179.5]


@given(
    top=st.floats(-79, 80),
    left=st.floats(-180, 180),
    height=st.floats(0.5, 10),
    width=st.floats(0.5, 170),
    cells=st.integers(1, 200),
    method=st.sampled_from(["square", "hex"]),
)
def test_a_region_has_so_many_cells_at_least_each_once_and_inside(
    top, left, height, width, cells, method
) -> None:
    right = (left + width + 180) % 360 - 180
    found = places_of(f"{top},{left}:{top - height},{right}", cells, method)
    assert len(found) >= cells
    assert len(set(found)) == len(found)
    for place in found:
        assert top - height - 1e-4 <= place.latitude <= top + 1e-4
        assert (place.longitude - left) % 360 <= width + 1e-3 or (left - place.longitude) % 360 <= 1e-3


@pytest.mark.parametrize(
    ("location", "cells"),
    [
        *(("here", 1), ("1,2,3", 1), ("91,0", 1), ("0,181", 1), ("nan,0", 1), ("1,0:2,1", 4)),
        *(("1,0:0,1:2,2", 4), ("1,0", 4), ("1,0:0,1", 0)),
    ],
)
def test_what_is_no_place_is_refused(location: str, cells: int) -> None:
    with pytest.raises(InputError, match=r"cells|globe|extent|understood"):
        places_of(location, cells)
