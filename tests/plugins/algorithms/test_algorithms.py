"""`flexmeasures add algorithm` and `flexmeasures show`: who gets which algorithm, and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flexmeasures.db import db, writing
from flexmeasures.models import Asset, SensorType, User
from flexmeasures_algorithms import registry_of


def scheduler_of(run: Any, sensor: Any) -> dict[str, Any]:
    """What `show algorithm` says of a sensor's scheduler."""
    shown = run("show", "algorithm", "--asset-id", sensor.id, "--kind", "scheduler", "--json")
    assert shown.exit_code == 0, shown.output
    (found,) = json.loads(shown.output)
    return dict(found)


@pytest.fixture
def lazy(app: Any, monkeypatch: pytest.MonkeyPatch) -> type:
    """A second scheduler, `lazy`, which accepts nothing by itself."""
    from flask import current_app

    from flexmeasures_algorithms import Registry
    from flexmeasures_scheduler_storage import StorageScheduler

    class Lazy(StorageScheduler):
        """Does nothing."""

        name = "lazy"

        @classmethod
        def accepts(cls, asset: Any) -> bool:
            return False

    with app.app_context():
        registry: Registry[Any] = Registry("scheduler")
        registry.add(StorageScheduler)
        registry.add(Lazy)
        monkeypatch.setitem(current_app.extensions["flexmeasures_algorithms"], "scheduler", registry)
    return Lazy


def test_installed_algorithms_are_listed_with_version_and_purpose(run: Any, lazy: type) -> None:
    schedulers = run("show", "schedulers")
    assert schedulers.exit_code == 0
    first, second = schedulers.output.splitlines()
    assert first.startswith("storage 1 (flexmeasures_scheduler_storage.scheduler): Plans batteries")
    assert second.startswith("lazy 1 (")
    names = [row["name"] for row in json.loads(run("show", "forecasters", "--json").output)]
    assert names == ["linear-OLS", "naive", "seasonal-naive", "gbm", "auto"]


def test_each_step_of_the_walk_is_shown_and_which_one_decides(run: Any, lazy: type, battery: Any) -> None:
    assert run("add", "algorithm", "lazy", "--asset-type", "battery").exit_code == 0
    lines = run("show", "algorithm", "--asset-id", battery.id).output.splitlines()
    assert lines[:9] == [
        f"Scheduler of asset my battery (ID:{battery.id}):",
        "    1. a plugin's choose_algorithm: nothing",
        "    2. attribute custom-scheduler of sensor my battery: nothing",
        "    3. attribute custom-scheduler of its owner: nothing",
        " -> 4. attribute custom-scheduler of type battery: lazy",
        "    5. setting FLEXMEASURES_SCHEDULERS['battery']: nothing",
        "    6. setting FLEXMEASURES_SCHEDULERS['default']: nothing",
        "    7. the first installed that accepts such a sensor: storage",
        "    lazy, by attribute custom-scheduler of type battery",
    ]
    assert lines[9] == f"Forecaster of asset my battery (ID:{battery.id}):"
    assert lines[-2:] == [
        " -> 7. the first installed that accepts such a sensor: linear-OLS, naive",
        "    linear-OLS, by first forecaster that accepts the asset type battery",
    ]


def test_a_sensors_wish_is_stronger_than_its_owners_and_that_than_its_types(
    run: Any, lazy: type, battery: Any, prosumer: Any
) -> None:
    assert scheduler_of(run, battery)["algorithm"] == "storage"
    wishes = [
        (("--asset-type", "battery"), "lazy", "type battery"),
        (("--owner-id", prosumer.id), "storage", "its owner"),
        (("--asset-id", battery.id), "lazy", "sensor my battery"),
    ]
    for holder, name, whose in wishes:
        done = run("add", "algorithm", name, *holder)
        assert (done.exit_code, f"has {name} as scheduler from the next job on" in done.output) == (0, True)
        found = scheduler_of(run, battery)
        assert found["algorithm"] == name
        assert found["because"] == f"attribute custom-scheduler of {whose}"
    for holder, name, whose in reversed(wishes):
        assert scheduler_of(run, battery)["because"].endswith(whose)
        assert run("add", "algorithm", "--remove", *holder, name).exit_code == 0
    assert scheduler_of(run, battery)["because"] == "first scheduler that accepts the asset type battery"


def test_the_kind_follows_from_the_name_and_other_attributes_stay(run: Any, app: Any, panels: Any) -> None:
    with app.app_context(), writing():
        db.session.get(Asset, panels.id).attributes = {"colour": "blue"}
    assert "naive as forecaster" in run("add", "algorithm", "naive", "--asset-id", panels.id).output
    with app.app_context():
        assert db.session.get(Asset, panels.id).attributes == {"colour": "blue", "custom-forecaster": "naive"}
    assert "wish for a forecaster" in run("add", "algorithm", "--asset-id", panels.id, "--remove").output
    with app.app_context():
        assert db.session.get(Asset, panels.id).attributes == {"colour": "blue"}


def test_a_name_that_nobody_has_is_refused_and_nothing_is_stored(
    run: Any, app: Any, lazy: type, prosumer: Any
) -> None:
    refused = run("add", "algorithm", "magic", "--owner-id", prosumer.id)
    assert refused.exit_code == 1
    assert "No scheduler or forecaster 'magic' is installed" in refused.output
    assert (
        "schedulers: storage, lazy; forecasters: linear-OLS, naive, seasonal-naive, gbm, auto"
        in refused.output
    )
    narrow = run("add", "algorithm", "naive", "--owner-id", prosumer.id, "--kind", "scheduler")
    assert narrow.output == "Error: No scheduler 'naive' is installed. Accepted: schedulers: storage, lazy.\n"
    with app.app_context():
        assert db.session.get(User, prosumer.id).attributes == {}


def test_a_name_of_both_kinds_needs_the_kind(run: Any, lazy: Any, app: Any) -> None:
    lazy.name = "naive"

    with app.app_context():
        registry_of("scheduler").add(lazy)
    doubtful = run("add", "algorithm", "naive", "--asset-type", "solar")
    assert doubtful.exit_code == 1
    assert "--kind with one of scheduler, forecaster" in doubtful.output
    assert run("add", "algorithm", "naive", "--asset-type", "solar", "--kind", "scheduler").exit_code == 0
    with app.app_context():
        solar = db.session.query(SensorType).filter_by(name="solar").one()
        assert solar.attributes["custom-scheduler"] == "naive"
        assert "custom-forecaster" not in solar.attributes


def test_a_wish_for_what_is_not_installed_any_more_is_shown_and_can_be_taken_back(
    run: Any, app: Any, battery: Any
) -> None:
    with app.app_context(), writing():
        db.session.get(Asset, battery.id).attributes = {"custom-scheduler": "gone"}
    found = scheduler_of(run, battery)
    assert found["algorithm"] is None
    assert found["error"] == (
        "No scheduler 'gone' is installed (installed: storage, curtailment, shifting)."
        " It is asked for by attribute custom-scheduler of sensor my battery."
    )
    assert [step["decides"] for step in found["steps"]] == [False, True, *[False] * 5]
    assert run("add", "algorithm", "--asset-id", battery.id, "--remove", "gone").exit_code == 0
    assert scheduler_of(run, battery)["algorithm"] == "storage"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("storage",), "Accepted: one of --asset-id, --owner-id and --asset-type"),
        (("storage", "--owner-id", 1, "--asset-type", "battery"), "one of --asset-id, --owner-id and"),
        (("storage", "--owner-id", 99_999), "There is no user with id 99999"),
        (("storage", "--asset-id", 99_999), "There is no sensor with id 99999"),
        (("storage", "--asset-type", "submarine"), "There is no type 'submarine'. Accepted: "),
        (
            ("--asset-type", "battery"),
            "Which ALGORITHM? Accepted: schedulers: storage, curtailment, shifting; forecasters: ",
        ),
        (("storage", "--asset-type", "battery", "--remove"), "type battery has no such wish"),
    ],
)
def test_what_is_missing_or_wrong_is_told(run: Any, words: tuple[Any, ...], said: str) -> None:
    refused = run("add", "algorithm", *words)
    assert refused.exit_code == 1
    assert said in refused.output
