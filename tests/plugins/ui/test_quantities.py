"""Powers and energies as people type them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexmeasures_ui.quantities import UNITS, quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("0.011", "MW", 0.011),
        ("11 kW", "MW", 0.011),
        ("11kw", "MW", 0.011),
        ("-3 MW", "MW", -3.0),
        ("\u22123 MW", "MW", -3.0),
        ("60 kWh", "MWh", 0.06),
        ("1e-3", "MWh", 0.001),
        (".5", "", 0.5),
    ],
)
def test_a_number_may_have_a_unit_of_its_own(text: str, unit: str, value: float) -> None:
    assert quantity(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("11 kWh", "MW"),
        ("11 kW", "MWh"),
        ("11 kW", ""),
        ("kW", "MW"),
        ("1.2.3", "MW"),
        ("1,5", "MW"),
        ("nan", "MW"),
        ("inf", ""),
        ("", ""),
        ("1_000", ""),
        ("٣", ""),
    ],
)
def test_what_is_no_such_quantity_is_refused(text: str, unit: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|could not convert"):
        quantity(text, unit)


@given(st.floats(min_value=-1e6, max_value=1e6), st.sampled_from(["MW", "MWh", ""]))
def test_a_number_without_unit_is_in_the_fields_own(value: float, unit: str) -> None:
    assert quantity(repr(value), unit) == value


@given(st.text(max_size=12), st.sampled_from([*UNITS, ""]))
def test_any_text_is_a_number_or_refused(text: str, unit: str) -> None:
    try:
        found: Any = quantity(text, unit)
    except ValueError:
        return
    assert isinstance(found, float)
