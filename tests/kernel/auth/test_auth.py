"""Login, tokens, CSRF and may()."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from flexmeasures import auth
from flexmeasures.db import db, writing
from flexmeasures.models import Asset, Market, User
from flexmeasures.testing import PASSWORD, make_app


@pytest.fixture
def pages(app: Flask) -> Flask:
    return app


def log_in(client, email="prosumer@example.com", password=PASSWORD, **more):
    return client.post("/login", data={"email": email, "password": password} | more)


@pytest.mark.contract("2.6")
def test_a_visitor_is_sent_to_the_login_page_and_back(client, prosumer):
    response = client.get("/")
    assert response.status_code == 302
    assert response.location.startswith("/login")
    assert client.get("/login").status_code == 200


@pytest.mark.contract("2.6", "21.12")
def test_logging_in_counts_and_notes_the_time(app, client, prosumer):
    assert log_in(client).status_code == 302
    with app.app_context():
        user = db.session.get(User, prosumer.id)
        assert user.login_count == 1
        assert user.last_login_at is not None
    assert client.get("/logout").status_code == 302
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("password", ["wrong-password", ""])
def test_a_wrong_password_does_not_log_in(client, prosumer, password):
    response = log_in(client, password=password)
    assert response.status_code == 200
    assert client.get("/").status_code == 302


@pytest.mark.contract("2.5")
def test_passwords_are_kept_as_bcrypt_hashes(prosumer):
    assert prosumer.password.startswith("$2b$")
    assert PASSWORD not in prosumer.password


@pytest.mark.contract("2.1")
def test_a_token_authenticates_by_its_header_only(app, client, prosumer, token_of):
    headers = token_of(prosumer)

    def who(**request):
        with app.test_request_context("/", **request):
            user = auth.current_user()
            return None if user is None else user.id

    assert who(headers=headers) == prosumer.id
    assert who(query_string={"auth_token": headers["Authorization"]}) is None
    assert who(json={"auth_token": headers["Authorization"]}, method="POST") is None


@pytest.mark.parametrize("token", ["", "x", "ey.garbled", "\u00e9"])
def test_a_garbled_token_is_nobodys(app, token):
    with app.test_request_context("/", headers={"Authorization": token}):
        assert auth.current_user() is None


@pytest.mark.contract("2.4")
def test_a_token_ends_with_its_age_with_the_user_and_with_a_new_uniquifier(app, prosumer, token_of):
    headers = token_of(prosumer)

    def counts() -> bool:
        with app.test_request_context("/", headers=headers):
            return auth.current_user() is not None

    assert counts()
    with app.app_context(), writing():
        db.session.get(User, prosumer.id).active = False
    assert not counts()
    with app.app_context(), writing():
        user = db.session.get(User, prosumer.id)
        user.active, user.fs_uniquifier = True, "another"
    assert not counts()


def test_an_old_token_has_expired(app, prosumer, token_of):
    app.config["SECURITY_TOKEN_MAX_AGE"] = timedelta(seconds=-1)
    with app.test_request_context("/", headers=token_of(prosumer)):
        assert auth.current_user() is None


def test_a_browsers_session_needs_a_csrf_token_and_a_header_token_does_not(tmp_path):
    app = make_app(tmp_path, WTF_CSRF_ENABLED=True)

    @app.post("/change")
    def change():
        return "changed"

    with app.app_context(), writing():
        user = auth.create_user("prosumer", "prosumer@example.com", PASSWORD)
        headers = {"Authorization": auth.new_token(user)}
    assert app.test_client().post("/change", headers=headers).status_code == 200
    browser = app.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login").text)[1]
    assert log_in(browser).status_code == 400, "the form itself asks for its token"
    assert log_in(browser, csrf_token=token).status_code == 302
    assert browser.post("/change").status_code == 400
    with browser.session_transaction() as session:
        raw = session["csrf_token"]
    from itsdangerous import URLSafeTimedSerializer

    signed = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(raw)
    assert browser.post("/change", headers={"X-CSRFToken": signed}).status_code == 200


@pytest.mark.parametrize("page", ["/login", "/reset", "/reset/token"])
@pytest.mark.parametrize("body", ["5", "[1]", '"text"'])
def test_a_form_that_is_json_but_no_object_is_a_bad_request(client, page, body):
    assert client.post(page, data=body, content_type="application/json").status_code == 400


def test_the_cookie_that_keeps_somebody_logged_in_is_kept_from_scripts_and_other_sites(client, prosumer):
    cookies = log_in(client, remember="y").headers.getlist("Set-Cookie")
    kept = next(cookie for cookie in cookies if cookie.startswith("remember_token="))
    assert {"HttpOnly", "SameSite=Lax"} <= set(kept.split("; "))


def test_owner_and_admin_may_what_others_may_not(in_app, admin, prosumer, make_user):
    other = make_user("other", "Prosumer")
    asset = Asset(name="x", event_resolution=timedelta(minutes=15), owner_id=prosumer.id)
    for action in ("read", "update", "delete"):
        assert auth.may(prosumer, action, asset)
        assert auth.may(admin, action, asset)
        assert not auth.may(other, action, asset)
        assert not auth.may(None, action, asset)
    market = Market(name="m", kind="market", event_resolution=timedelta(hours=1))
    assert auth.may(other, "read", market)
    assert not auth.may(other, "update", market)


def test_a_plugin_that_fails_in_may_means_no(in_app, admin, monkeypatch):
    from flexmeasures.plugins import Plugins

    def fails(**_):
        raise ValueError

    monkeypatch.setattr(Plugins, "callers", lambda self, hook: iter([("bad", fails)]))
    assert not auth.may(admin, "read", Asset(name="x"))
    monkeypatch.setattr(Plugins, "callers", lambda self, hook: iter([("strict", lambda **_: False)]))
    assert not auth.may(admin, "read", Asset(name="x"))
