"""Users made and changed by admins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flexmeasures.db import db
from flexmeasures.models import User

COLLEAGUE = {
    "username": "Ben <b>",
    "email": "ben@example.com",
    "timezone": "Europe/Berlin",
    "roles": ["Prosumer", "ESCo"],
}


def _user(app: Any, email: str = "ben@example.com") -> Any:
    from sqlalchemy import select

    with app.app_context():
        found = db.session.scalar(select(User).where(User.email == email))
        return None if found is None else (found.id, found.username, found.timezone, found.role_names)


def test_somebody_new_is_mailed_a_link_to_set_a_password(
    app: Any, client: Any, admin: Any, as_user: Any
) -> None:
    with as_user(client, admin):
        assert "New user" in client.get("/users").text
        assert 'value="Prosumer" checked' in client.get("/users/new").text
        answer = client.post("/users/new", data=COLLEAGUE)
    number, name, zone, roles = _user(app)
    assert (answer.status_code, answer.location) == (303, f"/users/{number}")
    assert (name, zone, roles) == ("Ben <b>", "Europe/Berlin", {"Prosumer", "ESCo"})
    assert any("/reset/" in str(sent.body) for sent in app.extensions["mailman"].outbox)


def test_where_no_mail_goes_out_a_first_password_is_shown_and_works(
    app: Any, client: Any, admin: Any, as_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SECURITY_RECOVERABLE", False)
    with as_user(client, admin):
        page = client.post("/users/new", data=COLLEAGUE).text
    assert "Ben &lt;b&gt; was added" in page
    password = re.search(r'<pre id="password"[^>]*>([^<]+)</pre>', page)
    assert password is not None
    sent = {"email": COLLEAGUE["email"], "password": password[1]}
    assert client.post("/api/requestAuthToken", json=sent).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nonsense"}, "email"),
        ({"email": "prosumer@example.com"}, "email"),
        ({"username": " "}, "username"),
        ({"timezone": "Mars"}, "timezone"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_kept(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any, change: dict[str, str], field: str
) -> None:
    change = {"email": prosumer.email} if "prosumer" in str(change) else change
    with as_user(client, admin):
        for path in ("/users/new", f"/users/{admin.id}/edit"):
            page = client.post(path, data=COLLEAGUE | {"roles": ["admin"]} | change)
            assert page.status_code == 422
            assert f'id="{field}-error"' in page.text
            assert 'value="admin" checked' in page.text
    assert _user(app) is None


def test_roles_and_names_are_changed_and_the_last_right_of_oneself_is_kept(
    app: Any, client: Any, admin: Any, prosumer: Any, as_user: Any
) -> None:
    with as_user(client, admin):
        path = f"/users/{prosumer.id}/edit"
        assert f'value="{prosumer.email}"' in client.get(path).text
        sent = {"username": "Ada", "email": prosumer.email, "timezone": "", "roles": ["MDC"]}
        assert client.post(path, data=sent).status_code == 303
        assert _user(app, prosumer.email)[1:] == ("Ada", "UTC", {"MDC"})
        own = {"username": admin.username, "email": admin.email, "roles": ["Prosumer"]}
        refused = client.post(f"/users/{admin.id}/edit", data=own)
        assert (refused.status_code, "from yourself" in refused.text) == (422, True)
        assert client.post(path, data=sent | {"roles": ["king"]}).status_code == 400
    assert "admin" in _user(app, admin.email)[3]


def test_only_admins_make_and_change_users(client: Any, prosumer: Any, as_user: Any) -> None:
    for path in ("/users/new", f"/users/{prosumer.id}/edit"):
        assert client.get(path).status_code == 302
        with as_user(client, prosumer):
            assert client.get(path).status_code == client.post(path, data=COLLEAGUE).status_code == 403


def test_a_user_that_there_is_not_has_no_form(client: Any, admin: Any, as_user: Any) -> None:
    with as_user(client, admin):
        for number in (98765, 2**40):
            assert client.get(f"/users/{number}/edit").status_code == 404
