"""`flexmeasures jobs` and `flexmeasures add forecasts`: queues, workers, and what became of jobs."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from tests.conftest import START

from flexmeasures.db import writing

MARCH = ("--from-date", "2026-03-08", "--to-date", "2026-03-08")


@pytest.fixture
def measured(app: Any, panels: Any) -> Any:
    """Ten days of solar power."""
    from flexmeasures import beliefs, sources

    with app.app_context(), writing():
        day = -np.clip(np.sin((np.arange(96) - 24) / 48 * np.pi), 0, None)
        source = sources.get_source("meter", "script")
        beliefs.store(panels, np.tile(day, 10), START, panels.event_resolution, source, horizon=timedelta(0))
    return panels


@pytest.mark.contract("22.5", "17.10")
def test_forecasts_of_a_day_are_made_and_summed_up(run: Any, measured: Any, app: Any) -> None:
    result = run("add", "forecasts", "--asset-type", "Asset", "--asset", "my panels", *MARCH, "--horizon", 6)
    assert result.exit_code == 0, result.output
    assert re.search(r"my panels: PT6H ahead by [\w-]+: 96 stored, 0 there already", result.output)
    again = run("add", "forecasts", "--asset-id", measured.id, *MARCH, "--horizon", 6)
    assert "0 stored, 96 there already" in again.output
    with app.app_context():
        from flexmeasures.beliefs import search_one

        start = START + timedelta(days=7)
        found = search_one(
            measured, start, start + timedelta(days=1), source_types=("forecasting script",)
        ).values
    assert not np.isnan(found).any()


def test_forecasts_can_be_left_to_a_worker(run: Any, measured: Any, app: Any) -> None:
    app.config["FLEXMEASURES_JOBS"] = ""
    queued = run("add", "forecasts", "--asset-id", measured.id, *MARCH, "--horizon", 6, "--as-job")
    assert queued.exit_code == 0, queued.output
    number = re.search(r"my panels: job (\d+) in queue forecasting", queued.output)
    assert number is not None
    worked = run("jobs", "run-worker", "--queue", "forecasting|scheduling", "--name", "w1", "--burst")
    assert worked.exit_code == 0, worked.output
    assert "stopped after 1 jobs" in worked.output
    shown = json.loads(run("jobs", "show", number[1], "--json").output)
    assert shown["state"] == "finished", shown["error"]
    assert shown["algorithm"]
    assert "lease_token" not in shown


def test_forecasts_before_their_end_are_refused(run: Any, measured: Any) -> None:
    result = run("add", "forecasts", "--from-date", "2026-03-08", "--to-date", "2026-03-07")
    assert result.exit_code == 1
    assert "--to-date" in result.output


def test_forecasts_of_an_unknown_asset_are_refused(run: Any, measured: Any) -> None:
    result = run("add", "forecasts", "--asset", "nothing", *MARCH)
    assert result.exit_code == 1
    assert "'nothing'" in result.output


@pytest.mark.contract("22.8")
def test_clear_queue_tells_what_was_cleared_and_what_remains(run: Any, app: Any) -> None:
    from flexmeasures.jobs import enqueue

    app.config["FLEXMEASURES_JOBS"] = ""
    with app.app_context(), writing():
        for _ in range(3):
            enqueue("forecast", {}, queue="forecasting")
    result = run("clear-queue", "--queue", "forecasting|scheduling")
    assert "Cleared 3 jobs from queue forecasting; 0 remain." in result.output
    assert "Cleared 0 jobs from queue scheduling; 0 remain." in result.output


@pytest.mark.parametrize("command", [("run-worker", "--burst"), ("jobs", "clear-queue")])
@pytest.mark.contract("22.8")
def test_an_unknown_queue_is_refused_with_the_known_ones(run: Any, command: tuple[str, ...]) -> None:
    result = run(*command, "--queue", "forecasting|knitting")
    assert result.exit_code == 1
    assert "'knitting'" in result.output
    assert "scheduling" in result.output


def test_jobs_are_listed_with_the_reason_of_their_failure(run: Any, app: Any) -> None:
    from flexmeasures.jobs import enqueue

    with app.app_context(), writing():
        enqueue("no-such-function", {"a": 1}, queue="scheduling", algorithm="storage", because="type battery")
    listed = run("jobs", "show")
    assert listed.exit_code == 0
    header, line = listed.output.splitlines()
    assert header.split()[:5] == ["id", "queue", "function", "state", "attempt"]
    for text in ("scheduling", "no-such-function", "failed", "storage", "type battery"):
        assert text in line
    assert run("jobs", "show", "--state", "queued").output.strip() == "There are no such jobs."
    number = line.split()[0]
    full = run("jobs", "show", number).output
    assert '"a": 1' in full
    assert "error: " in full
    assert json.loads(run("jobs", "show", "--json", "--limit", 1).output)[0]["id"] == int(number)


def test_a_long_error_is_cut_in_the_list_and_whole_in_full(run: Any, app: Any) -> None:
    from flexmeasures.jobs import enqueue

    with app.app_context(), writing():
        enqueue("x" * 110, {}, queue="scheduling")
    _, line = run("jobs", "show").output.splitlines()
    error = line[line.rindex("  ") + 2 :]
    assert error.endswith("\N{HORIZONTAL ELLIPSIS}")
    assert len(error) <= 100
    assert "x" * 110 in run("jobs", "show", line.split()[0]).output.partition("error: ")[2]


def test_an_unknown_job_is_told(run: Any) -> None:
    result = run("jobs", "show", 12345)
    assert result.exit_code == 1
    assert "There is no job 12345" in result.output


def test_a_failed_job_is_requeued_and_then_cancelled(run: Any, app: Any) -> None:
    from flexmeasures.db import db
    from flexmeasures.jobs import enqueue
    from flexmeasures.models import Job

    with app.app_context(), writing():
        job_id = enqueue("no-such-function", {}, queue="scheduling").id
    app.config["FLEXMEASURES_JOBS"] = ""
    refused = run("jobs", "cancel", job_id)
    assert refused.exit_code == 1
    assert f"Job {job_id} is failed and cannot be cancelled" in refused.output
    assert run("jobs", "requeue", job_id).output.strip() == f"Job {job_id} waits in queue scheduling again."
    with app.app_context():
        job = db.session.get_one(Job, job_id)
        assert (job.state, job.attempt, job.error, job.finished_at) == ("queued", 0, None, None)
    assert run("jobs", "requeue", job_id).exit_code == 1
    assert run("jobs", "cancel", job_id).output.strip() == f"Job {job_id} is cancelled."
    assert json.loads(run("jobs", "show", job_id, "--json").output)["state"] == "cancelled"


@pytest.mark.parametrize("command", ["requeue", "cancel"])
def test_an_unknown_job_can_be_neither_requeued_nor_cancelled(run: Any, command: str) -> None:
    result = run("jobs", command, 12345)
    assert result.exit_code == 1
    assert "There is no job 12345" in result.output


def test_recurring_jobs_are_listed_with_their_last_and_next_time(
    run: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures.hookspecs import RecurringJob
    from flexmeasures.jobs.returning import sweep

    hub = app.extensions["flexmeasures"]
    monkeypatch.setattr(hub, "recurring_jobs", {})
    assert run("jobs", "recurring").output.strip() == "No plugin brings recurring jobs."
    hourly = RecurringJob(name="hourly report", every=timedelta(hours=1), function="report")
    monkeypatch.setattr(hub, "recurring_jobs", {"hourly report": hourly})
    before = run("jobs", "recurring").output.splitlines()
    assert before[0].split() == ["name", "every", "queue", "function", "last_run", "next_due"]
    assert "hourly report  PT1H   forecasting  report    never" in before[1]
    app.config["FLEXMEASURES_JOBS"] = ""
    with app.app_context():
        sweep()
    (listed,) = json.loads(run("jobs", "recurring", "--json").output)
    assert listed["next_due"].endswith(":00:00Z")
    assert listed["last_run"] < listed["next_due"]


# -- backtests and accuracy ----------------------------------------------------------------------------


@pytest.mark.contract("17.11")
def test_a_backtest_sets_forecasters_side_by_side(run: Any, measured: Any) -> None:
    """Of a day that repeats itself naive is wrong 6 h ahead, and the same again stores nothing new."""
    words = ("add", "forecasts", "--asset-id", measured.id, *MARCH, "--horizon", 6, "--backtest")
    result = run(*words, "--forecaster", "naive")
    assert result.exit_code == 0, result.output
    assert "PT6H ahead by naive: 96 stored" in result.output
    assert "Seita (naive model v1)" in result.output
    assert "Seita (linear-OLS" not in result.output
    every = run(*words)
    assert every.exit_code == 0, every.output
    assert "PT6H ahead by naive: 0 stored, 96 there already" in every.output
    assert every.output.count("Seita (naive model v1)") == 1


def test_accuracy_of_stored_forecasts_is_shown(run: Any, measured: Any) -> None:
    run("add", "forecasts", "--asset-id", measured.id, *MARCH, "--horizon", 6, "--forecaster", "naive")
    shown = run("show", "accuracy", "--asset", "my panels", *MARCH, "--horizon", 6, "--json")
    assert shown.exit_code == 0, shown.output
    (score,) = json.loads(shown.output)
    day = np.clip(np.sin((np.arange(96) - 24) / 48 * np.pi), 0, None)
    wape = np.abs(day - np.roll(day, 24)).sum() / day.sum()
    assert (score["source"], score["horizon"], score["n"]) == ("Seita (naive model v1)", "PT6H", 96)
    assert score["one_minus_wape"] == pytest.approx(1 - wape, abs=1e-9)
    assert score["skill_naive"] == pytest.approx(0, abs=1e-9)
    table = run("show", "accuracy", "--asset-id", measured.id, *MARCH)
    assert "Seita (naive model v1)" in table.output
    assert "PT48H" not in table.output  # nobody had said anything so early


def test_without_forecasts_that_is_said(run: Any, measured: Any) -> None:
    shown = run("show", "accuracy", "--asset-id", measured.id, *MARCH)
    assert shown.exit_code == 0
    assert "No source has said anything ahead of these events" in shown.output


@pytest.mark.parametrize("words", [("--backtest",), ("--forecaster", "naive")])
def test_jobs_choose_their_forecaster_themselves(run: Any, measured: Any, words: tuple[str, ...]) -> None:
    result = run("add", "forecasts", "--asset-id", measured.id, *MARCH, "--as-job", *words)
    assert result.exit_code == 2
    assert "--as-job goes neither with --backtest nor with --forecaster" in result.output


def test_a_forecaster_that_is_not_installed_is_told_with_those_that_are(run: Any, measured: Any) -> None:
    result = run("add", "forecasts", "--asset-id", measured.id, *MARCH, "--forecaster", "oracle")
    assert result.exit_code == 1
    assert "No forecaster 'oracle' is installed (installed: linear-OLS" in result.output
