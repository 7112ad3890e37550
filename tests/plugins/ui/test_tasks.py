"""The pages of tasks: who may look, what they show, what may be done; and RQ's dashboard beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from flexmeasures.testing import make_app, temporary_postgresql
from flexmeasures_jobs_rq.testing import temporary_redis

PAGES = ("/tasks/", "/tasks/forecasting", "/tasks/schedules")


@pytest.fixture
def jobs_of(app: Any, battery: Any) -> list[int]:
    """Ids of a failed, a finished, and a waiting job."""
    from sqlalchemy import update

    from flexmeasures.db import writing
    from flexmeasures.jobs import enqueue
    from flexmeasures.models import Job, JobState

    app.config["FLEXMEASURES_JOBS"] = ""
    ends = (
        {"state": JobState.FAILED, "error": "AlgorithmError: Prices <unknown> today.\nsecond line"},
        {
            "state": JobState.FINISHED,
            "result": {"slots": 192},
            "algorithm": "storage",
            "because": "type battery",
        },
        {},
    )
    ids = []
    with app.app_context():
        for end in ends:
            with writing() as session:
                queue = "forecasting" if end.get("result") else "scheduling"
                job = enqueue("schedule", {"a": 1}, queue=queue, sensor_id=battery.id, event_id=7)
                if end:
                    session.execute(update(Job).where(Job.id == job.id).values(**end))
                ids.append(job.id)
    return ids


@pytest.mark.parametrize("page", [*PAGES, "/rq/"])
def test_visitors_are_sent_to_the_login(client: Any, page: str) -> None:
    assert client.get(page).location.startswith("/login?next=")


def test_who_is_no_admin_sees_tasks_neither_in_the_menu_nor_by_their_address(
    client: Any, as_user: Any, prosumer: Any, jobs_of: list[int]
) -> None:
    with as_user(client, prosumer):
        for page in (*PAGES, f"/tasks/{jobs_of[0]}"):
            assert client.get(page).status_code == 403
        assert 'href="/tasks/"' not in client.get("/assets").text


def test_in_demo_mode_everybody_who_has_logged_in_may_look_but_not_act(
    app: Any, client: Any, as_user: Any, prosumer: Any, jobs_of: list[int]
) -> None:
    app.config["FLEXMEASURES_MODE"] = "demo"
    with as_user(client, prosumer):
        assert client.get("/tasks/").status_code == 200
        assert 'href="/tasks/"' in client.get("/assets").text
        assert "Run again" not in client.get(f"/tasks/{jobs_of[0]}").text
        assert client.post(f"/tasks/{jobs_of[0]}/requeue").status_code == 403


def test_an_admin_finds_tasks_in_the_menu(client: Any, as_user: Any, admin: Any) -> None:
    with as_user(client, admin):
        assert 'href="/tasks/"' in client.get("/assets").text


def test_the_list_says_what_failed_and_why(
    client: Any, as_user: Any, admin: Any, battery: Any, jobs_of: list[int]
) -> None:
    with as_user(client, admin):
        text = client.get("/tasks/").text
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert "1 failed · 1 waiting · 0 running; the oldest has waited for" in plain
    assert "AlgorithmError: Prices &lt;unknown&gt; today." in text
    assert "second line" not in text
    assert "storage (type battery)" in text
    assert battery.display_name in text
    assert [int(number) for number in re.findall(r'href="/tasks/(\d+)"', text)] == jobs_of[::-1]


@pytest.mark.contract("25.11", "27.17")
def test_forecasting_and_schedules_have_pages_of_their_own(
    client: Any, as_user: Any, admin: Any, jobs_of: list[int]
) -> None:
    failed, finished, waiting = jobs_of
    with as_user(client, admin):
        shown = {page: set(re.findall(r'href="/tasks/(\d+)"', client.get(page).text)) for page in PAGES}
        assert client.get("/rq/").location == "/tasks/"
        assert client.get("/tasks/scheduling").location == "/tasks/schedules"
    assert shown["/tasks/forecasting"] == {str(finished)}
    assert shown["/tasks/schedules"] == {str(failed), str(waiting)}


def test_a_task_shows_what_was_asked_what_came_of_it_and_the_whole_error(
    client: Any, as_user: Any, admin: Any, jobs_of: list[int]
) -> None:
    failed, finished, _ = jobs_of
    with as_user(client, admin):
        page = client.get(f"/tasks/{failed}").text
        assert "second line" in page
        assert "&#34;a&#34;: 1" in page
        assert "&#34;slots&#34;: 192" in client.get(f"/tasks/{finished}").text
        assert client.get("/tasks/999999").status_code == 404
        assert client.get(f"/tasks/{2**40}").status_code == 404


def test_an_admin_lets_a_failed_task_run_again_and_cancels_a_waiting_one(
    app: Any, client: Any, as_user: Any, admin: Any, jobs_of: list[int]
) -> None:
    from flexmeasures.db import db
    from flexmeasures.models import Job

    failed, finished, waiting = jobs_of
    with as_user(client, admin):
        answer = client.post(f"/tasks/{failed}/requeue", follow_redirects=True)
        assert f"Task {failed} waits to run again." in answer.text
        assert "is cancelled" in client.post(f"/tasks/{waiting}/cancel", follow_redirects=True).text
        assert "cannot be cancelled" in client.post(f"/tasks/{finished}/cancel", follow_redirects=True).text
        assert client.get(f"/tasks/{failed}/requeue").status_code == 405
    with app.app_context():
        assert [db.session.get_one(Job, each).state for each in jobs_of] == [
            "queued",
            "finished",
            "cancelled",
        ]


def test_without_the_token_of_the_page_nothing_is_changed(
    app: Any, client: Any, as_user: Any, admin: Any, jobs_of: list[int]
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    address = f"/tasks/{jobs_of[0]}/requeue"
    with as_user(client, admin):
        assert client.post(address).status_code == 400
        page = client.get(f"/tasks/{jobs_of[0]}").text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token is not None
        assert client.post(address, data={"csrf_token": token[1]}).status_code == 302


@pytest.fixture(scope="module")
def with_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An app with PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("instance")
    with temporary_redis() as redis, temporary_postgresql() as uri:
        app = make_app(
            folder, SQLALCHEMY_DATABASE_URI=uri, FLEXMEASURES_REDIS_URL=redis, FLEXMEASURES_JOBS=""
        )
        yield app
        with app.app_context():
            from flexmeasures.db import db

            db.engine.dispose()


def test_rqs_dashboard_shows_the_queues_to_admins_only_and_changes_nothing(
    with_redis: Any, as_user: Any
) -> None:
    from flexmeasures import auth
    from flexmeasures.db import writing
    from flexmeasures.jobs import enqueue
    from flexmeasures.runtime import runtime
    from flexmeasures.testing import PASSWORD, seed_structure

    with with_redis.app_context():
        seed_structure()
        with writing():
            boss = auth.create_user("boss", "boss@example.com", PASSWORD, ["admin"])
            guest = auth.create_user("guest", "guest@example.com", PASSWORD, ["Prosumer"])
        with writing():
            job_id = enqueue("schedule", {}, queue="scheduling").id
        name = runtime().notifier.name_of("scheduling")  # type: ignore[union-attr]
    client = with_redis.test_client()
    assert client.get("/tasks/rq/").location.startswith("/login")
    with as_user(client, guest):
        assert client.get("/tasks/rq/").status_code == 403
        assert client.get("/tasks/rq/0/data/queues.json").status_code == 403
    with as_user(client, boss):
        assert "/tasks/rq/" in client.get("/tasks/").text
        page = client.get("/tasks/rq/")
        assert page.status_code == 200
        assert "unsafe-eval" in page.headers["Content-Security-Policy"]
        assert "unsafe-eval" not in client.get("/tasks/").headers["Content-Security-Policy"]
        for asset in re.findall(r'(?:src|href)="(/tasks/rq/static/[^"]+)"', page.text):
            with client.get(asset) as answer:
                assert answer.status_code == 200
        counts = {
            queue["name"]: queue["count"]
            for queue in client.get("/tasks/rq/0/data/queues.json").json["queues"]
        }
        assert counts[name] == 1
        listed = client.get(f"/tasks/rq/0/data/jobs/{name}/queued/8/asc/1.json").json["jobs"]
        assert [job["description"] for job in listed] == [f"schedule, job {job_id}"]
        assert client.get(f"/tasks/rq/0/data/job/{listed[0]['id']}.json").status_code == 200
        assert client.get("/tasks/rq/0/view/workers").status_code == 200
        assert client.get("/tasks/rq/0/data/workers.json").status_code == 200
        assert client.post(f"/tasks/rq/queue/{name}/queued/empty").status_code == 405
        assert client.get(f"/tasks/rq/requeue/{name}").status_code == 405
