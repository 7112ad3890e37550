"""Machine tokens: shown once, valid until they end or are revoked, each for one user."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from flexmeasures.auth import update_user
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError, NotFound
from flexmeasures.models import User
from flexmeasures_machine_tokens import add_token, revoke_token, tokens_of
from flexmeasures_machine_tokens.models import MachineToken
from flexmeasures_machine_tokens.tokens import user_of

MINE = "/api/v2_0/assets"


@pytest.fixture
def context(app: Any) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def person(context: None, prosumer: Any) -> User:
    return db.session.get_one(User, prosumer.id)


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_a_program_uses_the_api_with_a_token(app: Any, client: Any, prosumer: Any, scheme: str) -> None:
    with app.app_context():
        token = add_token(db.session.get_one(User, prosumer.id), "gateway")
    assert token.startswith("fm_")
    assert client.get(MINE, headers={"Authorization": scheme + token}).status_code == 200
    assert client.get(MINE, headers={"Authorization": scheme + token + "x"}).status_code == 401
    with app.app_context():
        stored = db.session.scalars(select(MachineToken)).one()
        assert token not in {stored.digest, stored.name}
        assert stored.used_at is not None
        assert datetime.now(UTC) - stored.used_at < timedelta(minutes=1)


def test_a_token_ends(person: User) -> None:
    token = add_token(person, "gateway", timedelta(days=1))
    assert user_of(token) is not None
    with writing() as session:
        session.scalars(select(MachineToken)).one().ends_at = datetime.now(UTC) - timedelta(seconds=1)
    assert user_of(token) is None


def test_a_revoked_token_is_nobodys(person: User) -> None:
    token, other = add_token(person, "gateway"), add_token(person, "meter")
    number = next(each.id for each in tokens_of(person) if each.name == "gateway")
    assert revoke_token(person, number) == "gateway"
    assert user_of(token) is None
    assert user_of(other) is not None


def test_tokens_of_others_are_neither_told_nor_revoked(person: User, make_user: Any) -> None:
    add_token(person, "gateway")
    other = db.session.get_one(User, make_user("neighbour", "Prosumer").id)
    assert list(tokens_of(other)) == []
    with pytest.raises(NotFound):
        revoke_token(other, tokens_of(person)[0].id)


def test_an_inactive_users_tokens_wait(person: User) -> None:
    token = add_token(person, "gateway")
    for active in (False, True):
        with writing():
            update_user(db.session.get_one(User, person.id), {"active": active})
        assert (user_of(token) is not None) is active


def test_a_deleted_users_tokens_go_with_them(person: User) -> None:
    add_token(person, "gateway")
    with writing() as session:
        session.delete(session.get_one(User, person.id))
    assert db.session.scalars(select(MachineToken)).all() == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "gateway"])
def test_a_name_that_cannot_be_is_refused(person: User, name: str) -> None:
    add_token(person, "gateway")
    with pytest.raises(InputError):
        add_token(person, name)
    assert len(tokens_of(person)) == 1


def test_the_account_page_makes_shows_once_and_revokes(client: Any, as_user: Any, prosumer: Any) -> None:
    with as_user(client, prosumer):
        made = client.post("/account/machine-tokens", data={"name": "gateway <1>", "valid_for": "30"})
        token = re.search(r"fm_[\w-]{20,}", made.text)
        assert token is not None
        assert "gateway &lt;1&gt;" in made.text
        again = client.get("/account").text
        assert token[0] not in again
        assert "gateway &lt;1&gt;" in again
        refused = client.post("/account/machine-tokens", data={"name": "gateway <1>"})
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
        number = re.search(r"/account/machine-tokens/(\d+)/revoke", again)
        assert number is not None
        assert client.post(number[0]).status_code == 303
        assert client.post(number[0]).status_code == 404
    assert client.get(MINE, headers={"Authorization": token[0]}).status_code == 401


def test_a_token_makes_no_further_tokens(app: Any, client: Any, prosumer: Any) -> None:
    with app.app_context():
        token = add_token(db.session.get_one(User, prosumer.id), "gateway")
    for path in ("/account/machine-tokens", "/account/token"):
        answer = client.post(path, data={"name": "another"}, headers={"Authorization": token})
        assert answer.status_code == 403
    with app.app_context():
        assert [each.name for each in tokens_of(db.session.get_one(User, prosumer.id))] == ["gateway"]
