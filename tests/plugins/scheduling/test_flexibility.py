"""What can be asked of a schedule: layers, what is accepted, and errors that name the field."""

from __future__ import annotations

import pytest

from flexmeasures.errors import InputError
from flexmeasures_scheduling import Flexibility, read_flexibility


def test_nothing_asked_is_the_default():
    assert read_flexibility() == read_flexibility({}, {}) == Flexibility()


def test_the_last_layer_that_states_a_key_wins_and_null_states_nothing():
    assert read_flexibility({"relax": True}, {"relax": False}, {"relax": None}).relax is False


def test_a_key_that_is_not_known_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"'relx' is not known.*relax") as caught:
        read_flexibility({"relx": True})
    assert caught.value.field == "relx"


@pytest.mark.parametrize("value", [1, "true", [True]])
def test_a_switch_takes_true_or_false_only(value):
    with pytest.raises(InputError, match=r"relax is .*Accepted: true or false") as caught:
        read_flexibility({"relax": value})
    assert caught.value.field == "relax"


@pytest.mark.parametrize("value", [0, 15, -1, "0.5", True, float("nan"), [0.5]])
def test_an_efficiency_is_a_number_above_nothing_and_at_most_ten(value):
    with pytest.raises(InputError, match=r"charge_efficiency is .*a number above 0 and at most 10"):
        read_flexibility({"charge_efficiency": value})


@pytest.mark.parametrize("value", [0, 1.5, "3", 2**31])
def test_the_id_of_a_sensor_is_a_whole_number(value):
    with pytest.raises(InputError, match=r"co2_market_id is .*the id of a sensor"):
        read_flexibility({"co2_market_id": value})


def test_only_what_was_asked_is_told():
    assert read_flexibility({"co2_market_id": 7, "relax": False, "co2_weight": 2}).asked == {
        "co2_market_id": 7,
        "co2_weight": 2.0,
    }
