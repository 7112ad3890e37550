"""A missing or old state of charge, old or absurd prices: the documented rule, and a warning."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.plugins.scheduling.test_problem_builder import HOUR, START, battery, make_market  # noqa: F401  (battery is a fixture)

from flexmeasures import beliefs, sources
from flexmeasures.db import writing
from flexmeasures.errors import AlgorithmError
from flexmeasures_scheduling import build_problem


def warnings_of(asset, **arguments):
    return build_problem(asset, arguments, START, 4 * HOUR).warnings


def test_what_is_known_raises_no_doubt(battery):  # noqa: F811
    assert warnings_of(battery, soc_in_mwh=1.0) == []


@pytest.mark.contract("16.9")
def test_a_state_of_charge_that_is_missing_or_old_is_told_and_nothing_is_assumed(battery):  # noqa: F811
    (missing,) = warnings_of(battery)
    assert "No state of charge of asset battery is known: 0 MWh is assumed." in missing
    with writing():
        battery.soc_in_mwh, battery.soc_datetime = 0.7, START - HOUR
    (old,) = warnings_of(battery)
    assert "0.7 MWh at 2026-03-01T09:00:00Z" in old
    assert build_problem(battery, {}, START, 4 * HOUR).problem.soc_at_start == 0.0


@pytest.mark.contract("16.5")
def test_prices_that_were_recorded_long_before_their_time_are_told(battery, in_app):  # noqa: F811
    with writing():
        source = sources.get_source("forecast", "script")
        beliefs.store(battery.market, [50.0], START + 4 * HOUR, HOUR, source, horizon=timedelta(days=9))
    (told,) = build_problem(battery, {"soc_in_mwh": 1.0}, START, 5 * HOUR).warnings
    assert (
        "Prices of market day_ahead are old: 1 of 5 were recorded longer than P7D before their time." in told
    )
    in_app.config["FLEXMEASURES_STALE_PRICES"] = timedelta(0)
    assert build_problem(battery, {"soc_in_mwh": 1.0}, START, 5 * HOUR).warnings == []


@pytest.mark.contract("16.5")
def test_an_absurd_price_is_told_with_its_time_and_used(battery):  # noqa: F811
    with writing():
        source = sources.get_source("exchange", "script")
        beliefs.store(
            battery.market, [99999.0], START + HOUR, HOUR, source, horizon=timedelta(0), on_existing="replace"
        )
    question = build_problem(battery, {"soc_in_mwh": 1.0}, START, 4 * HOUR)
    (told,) = question.warnings
    assert "99999 EUR/MWh at 2026-03-01T11:00:00Z of market day_ahead is absurd" in told
    assert question.problem.prices[2] == 99999.0


def test_with_the_strict_setting_a_doubt_is_an_error(battery, in_app):  # noqa: F811
    in_app.config["FLEXMEASURES_STRICT_SCHEDULES"] = True
    assert warnings_of(battery, soc_in_mwh=1.0) == []
    with pytest.raises(AlgorithmError, match=r"0 MWh is assumed.*FLEXMEASURES_STRICT_SCHEDULES"):
        warnings_of(battery)
