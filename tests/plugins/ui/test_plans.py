"""Why a plan looks as it does, on the page of its asset."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flexmeasures.timing import clock

from .conftest import HOUR, START, plan


def test_the_page_tells_cost_saving_limits_and_steps(
    client: Any, as_user: Any, prosumer: Any, planned: int
) -> None:
    with as_user(client, prosumer):
        page = client.get(f"/assets/{planned}").text
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert re.search(r"Why this plan Earns EUR [0-9.]+, EUR [0-9.]+ more than without flexibility\.", text)
    assert "Wear of the device" in text
    assert re.search(r"The power limit of 2 MW, in \d+ slots: 1 MW more would save EUR", text)
    assert re.search(r"Wed 4 Mar \d+:00 \d+:00 consumes", text)


@pytest.mark.parametrize(
    ("cost", "saving", "headline"),
    [
        (38.2, 11.9, "Costs EUR 38.2, EUR 11.9 less than without flexibility."),
        (38.2, -2.0, "Costs EUR 38.2, EUR 2.00 more than without flexibility."),
        (-5.0, 4.0, "Earns EUR 5.00, EUR 4.00 more than without flexibility."),
        (1e-14, -1e-14, "Costs EUR 0, the same as without flexibility."),
    ],
)
def test_the_first_sentence_says_what_the_plan_is_worth(cost: float, saving: float, headline: str) -> None:
    from flexmeasures_ui import schedule_view

    assert schedule_view._headline({"cost": cost, "saving": saving, "currency": "EUR"}) == headline


def test_a_page_without_a_plan_tells_none(client: Any, as_user: Any, prosumer: Any, battery: Any) -> None:
    with as_user(client, prosumer):
        page = client.get(f"/assets/{battery.id}")
    assert page.status_code == 200
    assert "Why this plan" not in page.text


def test_why_the_last_event_has_no_schedule_is_told_and_markup_in_it_is_text(
    app: Any, client: Any, as_user: Any, prosumer: Any, battery: Any
) -> None:
    import flexmeasures_scheduling as scheduling
    from flexmeasures.db import writing
    from flexmeasures.models import Asset
    from flexmeasures.models.jobs import JobState

    app.config["FLEXMEASURES_TIMEZONE"] = "Europe/Amsterdam"
    with app.app_context(), writing() as session:
        job = scheduling.trigger_schedule(session.get_one(Asset, battery.id), 7, "soc", 1.0, START)
        error = "InfeasibleProblem: the target of <b>9</b> MWh at 2026-07-01T10:00:00Z"
        job.state, job.error = JobState.FAILED, error
    with as_user(client, prosumer):
        page = client.get(f"/assets/{battery.id}").text
    assert "No schedule for the last event" in page
    assert "the target of &lt;b&gt;9&lt;/b&gt; MWh at Wed 1 Jul 2026 12:00" in page


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize(
    ("what", "to", "said"),
    [
        ("capacity_in_mw", "0.5", r"With a power limit of 0\.500 MW it would cost EUR [0-9.]+ more\."),
        ("max_soc_in_mwh", "4", r"With a largest state of charge of 4\.00 MWh it would cost the same\."),
        (
            "soc_at_start",
            "2",
            r"With a state of charge at the start of 2\.00 MWh it would cost EUR [0-9.]+ less\.",
        ),
    ],
)
def test_what_another_limit_would_cost_is_answered(
    client: Any, as_user: Any, prosumer: Any, planned: int, what: str, to: str, said: str
) -> None:
    with as_user(client, prosumer):
        page = client.get(f"/assets/{planned}", query_string={"what": what, "to": to}).text
    assert re.search(said, text_of(page))
    assert f'value="{to}"' in page


def test_a_limit_that_leaves_no_plan_is_answered_with_the_reasons(
    client: Any, as_user: Any, prosumer: Any, planned: int, app: Any
) -> None:
    with app.app_context():
        plan(planned, targets=[{"value": 3.0, "datetime": (START + 2 * HOUR).isoformat()}])
    with as_user(client, prosumer):
        page = client.get(f"/assets/{planned}?what=max_soc_in_mwh&to=2").text
    assert "With a largest state of charge of 2.00 MWh there is no such plan." in page
    assert re.search(r"<li>[^<]*target[^<]*</li>", page)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"what": "capacity_in_mw", "to": "much"}, "&#39;much&#39; is not a number."),
        ({"what": "capacity_in_mw", "to": "nan"}, "is not a number."),
        ({"what": "capacity_in_mw", "to": ""}, "Type a number."),
        ({"what": "capacity_in_mw", "to": "-1"}, "not negative"),
        ({"what": "password", "to": "1"}, "Choose one of: power limit"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_at_the_field(
    client: Any, as_user: Any, prosumer: Any, planned: int, query: dict[str, str], said: str
) -> None:
    with as_user(client, prosumer):
        answer = client.get(f"/assets/{planned}", query_string=query)
    assert answer.status_code == 200
    assert 'id="what-if-error" role="alert"' in answer.text
    assert said in answer.text


def test_a_plan_tells_how_it_differs_from_the_one_before(
    client: Any, as_user: Any, prosumer: Any, planned: int, app: Any
) -> None:
    with as_user(client, prosumer):
        assert "the schedule before it" not in text_of(client.get(f"/assets/{planned}").text).lower()
        with app.app_context():
            plan(planned, cost_per_mwh_cycled=2.0)
        assert "The schedule before it planned the same" in client.get(f"/assets/{planned}").text
        with app.app_context():
            plan(planned, cost_per_mwh_cycled=100.0)
        page = text_of(client.get(f"/assets/{planned}").text)
    assert re.search(
        r"differs from the schedule before it in \d+ of the 48 slots that both plan, first at Wed 4 Mar", page
    )


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (
            1.5,
            r"Now it produces until Wed [\d:]+, at 90\.0 EUR/MWh\. It consumes next from Wed 08:00 on, at 10\.0 EUR",
        ),
        (2.1, r"Now it consumes until Wed 09:00, at 10\.0 EUR/MWh\."),
        (13, None),
    ],
)
def test_the_page_says_what_the_plan_does_now_and_when_it_consumes_next(
    client: Any, as_user: Any, prosumer: Any, planned: int, hours: float, said: str | None
) -> None:
    with as_user(client, prosumer), clock(START + hours * HOUR):
        page = text_of(client.get(f"/assets/{planned}").text)
    if said is None:
        assert "Now it" not in page
    else:
        assert re.search(said, page)
