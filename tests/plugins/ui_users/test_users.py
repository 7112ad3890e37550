"""Pages of users and of one's own account, to each role."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flexmeasures.models import User

PAGES = ("/users", "/users/1", "/users/?include_inactive=on")


def test_visitors_are_led_to_the_login_and_who_is_no_admin_is_refused(
    client: Any, prosumer: Any, as_user: Any
) -> None:
    for path in (*PAGES, "/account"):
        answer = client.get(path)
        assert (answer.status_code, "/login" in answer.headers["Location"]) == (302, True), path
    with as_user(client, prosumer):
        for path in PAGES:
            assert client.get(path).status_code == 403, path
        assert client.post(f"/users/toggle_active/{prosumer.id}").status_code == 403
        assert client.post(f"/users/reset_password_for/{prosumer.id}").status_code == 403
        assert 'href="/users"' not in client.get("/dashboard").text


@pytest.mark.contract("25.8", "25.10")
def test_an_admin_sees_all_users_with_roles_and_assets(
    client: Any, admin: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, admin):
        page = client.get("/users").text
        assert f'href="/users/{prosumer.id}"' in page
        assert prosumer.email in page
        assert "Prosumer" in page
        assert 'href="/users"' in client.get("/dashboard").text
        one = client.get(f"/users/{prosumer.id}").text
        assert "owns no asset yet" in one
        assert "never" in one
        for user_id in (999, 2**40):
            assert client.get(f"/users/{user_id}").status_code == 404


@pytest.mark.contract("25.8")
def test_a_user_is_deactivated_and_activated_again_by_post_only(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any
) -> None:
    from flexmeasures.db import db

    path = f"/users/toggle_active/{prosumer.id}"
    with as_user(client, admin):
        assert client.get(path).status_code == 405
        page = client.post(path, follow_redirects=True).text
        assert "is no longer active" in page
        assert f"/users/{prosumer.id}" not in client.get("/users").text
        assert f"/users/{prosumer.id}" in client.get("/users?include_inactive=on").text
        assert "is active" in client.post(path, follow_redirects=True).text
        assert (
            "cannot deactivate yourself"
            in client.post(f"/users/toggle_active/{admin.id}", follow_redirects=True).text
        )
        assert client.post("/users/toggle_active/999").status_code == 404
    with app.app_context():
        assert db.session.get_one(User, admin.id).active


def test_a_reset_password_is_mailed_as_a_link(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, admin):
        page = client.post(f"/users/reset_password_for/{prosumer.id}", follow_redirects=True).text
    assert "was mailed a link" in page
    assert any("/reset/" in str(sent.body) for sent in app.extensions["mailman"].outbox)


def test_names_of_users_are_text_and_not_markup(
    client: Any, app: Any, admin: Any, prosumer: Any, as_user: Any
) -> None:
    from flexmeasures.db import writing

    with app.app_context(), writing() as session:
        session.get_one(User, prosumer.id).username = "<script>alert(1)</script>"
    with as_user(client, admin):
        for path in ("/users", f"/users/{prosumer.id}"):
            assert "<script>alert" not in client.get(path).text


def test_the_account_shows_a_token_once_and_the_api_takes_it(
    client: Any, app: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        page = client.get("/account").text
        assert prosumer.email in page
        assert "valid for 6 hours" in page
        assert client.get("/account/token").status_code == 405
        page = client.post("/account/token").text
        assert 'href="/account"' in page
        token = re.findall(r'<pre id="token"[^>]*>(.+?)</pre>', page)[0]
        assert token not in client.get("/account").text
    answer = app.test_client().get("/api/v2_0/assets", headers={"Authorization": token})
    assert answer.status_code == 200


def test_times_are_told_in_the_time_zone_that_a_user_chose(client: Any, prosumer: Any, as_user: Any) -> None:
    with as_user(client, prosumer):
        assert "times in UTC" in client.get("/account").text
        answer = client.post("/account/timezone", data={"timezone": "Europe/Lisbon"}, follow_redirects=True)
        assert "Times are shown in Europe/Lisbon from now on." in answer.text
        for path in ("/account", "/dashboard", "/portfolio", "/analytics", "/upload"):
            assert "times in Europe/Lisbon" in client.get(path).text
        client.post("/account/timezone", data={"timezone": ""})
        assert "times in UTC" in client.get("/account").text


def test_a_stored_time_zone_that_is_not_known_here_breaks_no_page(
    client: Any, app: Any, prosumer: Any, as_user: Any
) -> None:
    from flexmeasures.db import writing
    from flexmeasures.models import User

    with app.app_context(), writing() as session:
        session.get_one(User, prosumer.id).timezone = "Mars/Olympus"
    with as_user(client, prosumer):
        assert "times in UTC" in client.get("/dashboard").text


def test_a_time_zone_that_does_not_exist_is_refused_and_kept_in_the_form(
    client: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, prosumer):
        answer = client.post("/account/timezone", data={"timezone": "Europe/<b>Lissabon"})
        assert answer.status_code == 400
        assert 'id="timezone-error" role="alert"' in answer.text
        assert 'value="Europe/&lt;b&gt;Lissabon"' in answer.text
        assert "times in UTC" in client.get("/account").text


def test_every_form_without_its_csrf_token_is_refused(tmp_path: Any) -> None:
    from flexmeasures import auth
    from flexmeasures.db import writing
    from flexmeasures.testing import PASSWORD, make_app

    app = make_app(tmp_path / "instance", WTF_CSRF_ENABLED=True)
    with app.app_context(), writing():
        auth.create_user("ada", "ada@example.com", PASSWORD, ["admin"])
    client = app.test_client()
    form = client.get("/login").text
    token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', form)[0]
    client.post("/login", data={"email": "ada@example.com", "password": PASSWORD, "csrf_token": token})
    assert client.get("/users").status_code == 200
    paths = [
        re.sub(r"<int:\w+>", "1", rule.rule)
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.endpoint.startswith(("api", "security"))
    ]
    assert len(paths) > 20
    for path in paths:
        assert client.post(path).status_code == 400, path


@pytest.mark.parametrize("path", ["/users", "/account"])
def test_pages_have_no_inline_script_or_style(client: Any, admin: Any, as_user: Any, path: str) -> None:
    with as_user(client, admin):
        page = client.get(path).text
    assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son\w+=", page)
