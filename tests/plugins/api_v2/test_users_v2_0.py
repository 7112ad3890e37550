"""Users in v2.0 (contract, section 19)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugins.conftest import Api, World


@pytest.fixture
def admin(world: World) -> Api:
    return world.clients["admin"]


def patch(api: Api, path: str, **body: Any) -> Any:
    return api.client.patch(f"{api.base}/{path}", json=body, headers=api.headers)


def id_of(world: World, name: str) -> int:
    return int(world.users[name].id)


def roles(world: World) -> dict[str, int]:
    from sqlalchemy import select

    from flexmeasures.db import db
    from flexmeasures.models import Role

    with world.app.app_context():
        return {role.name: role.id for role in db.session.scalars(select(Role))}


@pytest.mark.contract("19.1", "19.2")
def test_an_admin_lists_active_users_and_the_others_on_demand(world: World, admin: Api, api: Api) -> None:
    patch(admin, f"user/{id_of(world, 'supplier')}", active=False)
    listed = {user["username"]: user for user in admin.get("users").json}
    assert set(listed) == {*world.users} - {"supplier"}
    keys = {"id", "email", "username", "active", "timezone", "flexmeasures_roles"}
    assert all(set(user) == keys for user in listed.values())
    assert listed["mdc"]["flexmeasures_roles"] == [roles(world)["MDC"]]
    everybody = admin.get("users", include_inactive="true").json
    assert {user["username"] for user in everybody} == {*world.users}
    assert api.get("users").status_code == 403
    assert admin.client.get("/api/v2_0/users").status_code == 401
    assert admin.get("users", include_inactive="perhaps").status_code == 422


@pytest.mark.contract("19.3")
def test_a_user_is_seen_by_themself_and_admins_only(world: World, admin: Api, api: Api) -> None:
    own, other = id_of(world, "prosumer"), id_of(world, "neighbour")
    assert api.get(f"user/{own}").json == admin.get(f"user/{own}").json
    assert api.get(f"user/{other}").status_code == 403
    assert admin.get("user/99999").status_code == 404
    assert admin.get("user/me").json["status"] == "REQUIRED_INFO_MISSING"


@pytest.mark.contract("19.3", "27.24")
def test_an_admin_changes_any_field_and_the_whole_user_is_returned(world: World, admin: Api) -> None:
    user_id = id_of(world, "neighbour")
    wanted = {
        "email": "new@example.com",
        "username": "newcomer",
        "timezone": "Europe/Amsterdam",
        "flexmeasures_roles": sorted([roles(world)["MDC"], roles(world)["Prosumer"]]),
        "active": False,
    }
    answer = patch(admin, f"user/{user_id}", id=1, **wanted)
    assert (answer.status_code, answer.json) == (200, wanted | {"id": user_id})
    assert admin.get(f"user/{user_id}").json == wanted | {"id": user_id}


@pytest.mark.contract("19.3")
def test_a_user_changes_their_own_fields_but_neither_activity_nor_roles(
    world: World, admin: Api, api: Api
) -> None:
    own = id_of(world, "prosumer")
    assert patch(api, f"user/{own}", timezone="Asia/Seoul").json["timezone"] == "Asia/Seoul"
    for forbidden in ({"active": True}, {"flexmeasures_roles": []}):
        refused = patch(api, f"user/{own}", username="changed", **forbidden)
        assert (refused.status_code, refused.json["status"]) == (403, "INVALID_SENDER")
        assert patch(admin, f"user/{id_of(world, 'admin')}", **forbidden).status_code == 403
    assert admin.get(f"user/{own}").json["username"] == "prosumer"
    assert patch(api, f"user/{id_of(world, 'neighbour')}", timezone="UTC").status_code == 403


@pytest.mark.contract("19.3")
def test_wrong_fields_are_refused_together_and_nothing_is_changed(world: World, admin: Api) -> None:
    user_id = id_of(world, "neighbour")
    before = admin.get(f"user/{user_id}").json
    wrong = {
        "email": "nobody",
        "timezone": "Mars/Olympus",
        "active": "yes",
        "flexmeasures_roles": [99999],
        "password": "secret",
        "username": "",
    }
    answer = patch(admin, f"user/{user_id}", **wrong)
    assert (answer.status_code, set(answer.json["message"]["json"])) == (422, set(wrong))
    for taken in ({"email": "prosumer@example.com"}, {"username": "prosumer"}):
        answer = patch(admin, f"user/{user_id}", timezone="Asia/Seoul", **taken)
        assert (answer.status_code, "taken" in answer.json["message"]) == (400, True)
    assert admin.get(f"user/{user_id}").json == before


@pytest.mark.contract("19.3", "2.4")
def test_who_is_made_inactive_has_no_token_any_more(world: World, admin: Api) -> None:
    neighbour = world.clients["neighbour"]
    path = f"user/{id_of(world, 'neighbour')}"
    assert neighbour.get(path).status_code == 200
    patch(admin, path, active=False)
    assert neighbour.get(path).status_code == 401
    patch(admin, path, active=True)
    assert neighbour.get(path).status_code == 401  # the token does not come back


@pytest.mark.contract("19.4", "2.4", "21.13")
def test_a_reset_ends_password_and_tokens_and_mails_a_link_that_sets_a_new_one(
    world: World, admin: Api, api: Api
) -> None:
    from flask_security.utils import verify_password

    from flexmeasures.db import db
    from flexmeasures.models import User

    outbox = vars(world.app.extensions["mailman"]).setdefault("outbox", [])
    outbox.clear()
    own = id_of(world, "prosumer")
    answer = patch(admin, f"user/{own}/password-reset")
    assert (answer.status_code, answer.json) == (200, {"status": 200})
    assert api.get(f"user/{own}").status_code == 401
    assert [mail.to for mail in outbox] == [["prosumer@example.com"]] * 2
    link = re.search(r"https?://[^/\s]+(/reset/\S+)", outbox[1].body)
    assert link is not None
    browser = world.app.test_client()
    page = browser.get(link[1]).text
    csrf = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    form = {"password": "a-brand-new-one", "password_confirm": "a-brand-new-one"}
    form |= {"csrf_token": csrf[1]} if csrf else {}
    assert browser.post(link[1], data=form).status_code == 302
    with world.app.app_context():
        assert verify_password("a-brand-new-one", db.session.get_one(User, own).password)


@pytest.mark.contract("19.4")
def test_a_reset_is_for_admins_and_of_known_users(world: World, admin: Api, api: Api) -> None:
    own = id_of(world, "prosumer")
    assert patch(api, f"user/{own}/password-reset").status_code == 403
    assert admin.client.patch(f"/api/v2_0/user/{own}/password-reset").status_code == 401
    assert patch(admin, "user/99999/password-reset").status_code == 404


@pytest.mark.contract("19.4")
def test_when_the_mail_server_is_away_nothing_is_changed(
    world: World, admin: Api, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailman = world.app.extensions["mailman"]
    monkeypatch.setattr(mailman, "backend", "smtp")
    monkeypatch.setattr(mailman, "server", "127.0.0.1")
    monkeypatch.setattr(mailman, "port", 1)
    own = id_of(world, "prosumer")
    answer = patch(admin, f"user/{own}/password-reset")
    assert (answer.status_code, "Nothing was changed" in answer.json["message"]) == (503, True)
    assert api.get(f"user/{own}").status_code == 200


@pytest.mark.contract("19.5")
def test_users_are_neither_added_nor_deleted_by_the_api(admin: Api) -> None:
    assert admin.post("users", email="new@example.com").status_code == 405
    assert admin.client.delete("/api/v2_0/user/1", headers=admin.headers).status_code == 405


@pytest.mark.contract("19.3")
def test_an_email_is_stored_and_compared_in_one_form(world: World, admin: Api) -> None:
    user_id = id_of(world, "neighbour")
    assert patch(admin, f"user/{user_id}", email="New@EXAMPLE.com").json["email"] == "New@example.com"
    assert patch(admin, f"user/{user_id}", email="prosumer@EXAMPLE.com").status_code == 400


@pytest.mark.contract("19.3", "4.2")
@pytest.mark.parametrize("role_id", [10**30, -1, 99999, "1", True])
def test_a_role_that_there_is_not_is_refused_by_its_id(role_id: object, world: World, admin: Api) -> None:
    answer = patch(admin, f"user/{id_of(world, 'neighbour')}", flexmeasures_roles=[role_id])
    assert (answer.status_code, list(answer.json["message"]["json"])) == (422, ["flexmeasures_roles"])


def test_a_name_of_nothing_visible_and_nulls_are_refused(world: World, admin: Api) -> None:
    wrong = {"username": "   ", "email": None, "active": None, "flexmeasures_roles": None, "timezone": None}
    answer = patch(admin, f"user/{id_of(world, 'neighbour')}", **wrong)
    assert (answer.status_code, set(answer.json["message"]["json"])) == (422, set(wrong))
