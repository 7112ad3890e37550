"""Guessing is limited: by address and by account, failures only, in each form of error, in memory and in Redis."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from flexmeasures import auth
from flexmeasures.db import writing
from flexmeasures.errors import SettingsError
from flexmeasures.testing import PASSWORD, make_app

EMAIL = "ada@example.com"
PROXY = {"REMOTE_ADDR": "10.0.0.7"}


def make(tmp_path: Any, **settings: Any) -> FlaskClient:
    app = make_app(tmp_path / "instance", WTF_CSRF_ENABLED=False, **settings)
    with app.app_context(), writing():
        auth.create_user("ada", EMAIL, PASSWORD, ["Prosumer"])
    return app.test_client()


@pytest.fixture
def client(tmp_path: Any) -> FlaskClient:
    return make(tmp_path)


def ask(
    client: FlaskClient,
    password: str = "wrong",
    email: str = EMAIL,
    address: str = "198.100.7.5",
    **headers: str,
):
    body = {"email": email, "password": password}
    return client.post(
        "/api/requestAuthToken", json=body, headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )


def login(client: FlaskClient, password: str = "wrong", email: str = EMAIL, address: str = "198.100.7.5"):
    return client.post(
        "/login", data={"email": email, "password": password}, environ_overrides={"REMOTE_ADDR": address}
    )


def test_sixty_wrong_passwords_get_ten_answers(client: FlaskClient) -> None:
    answers = [ask(client) for _ in range(60)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 50
    last = answers[-1]
    assert 1 <= int(last.headers["Retry-After"]) <= 61
    assert last.json["status"] == 429
    assert last.json["errors"] == [last.json["message"]]
    assert "Too many attempts failed" in last.json["message"]
    assert ask(client, PASSWORD).status_code == 429


def test_many_accounts_from_one_address_are_limited_too_and_other_addresses_go_on(
    client: FlaskClient,
) -> None:
    answers = [ask(client, email=f"user{k}@example.com").status_code for k in range(22)]
    assert answers == [404] * 20 + [429] * 2
    assert ask(client, PASSWORD).status_code == 429
    assert ask(client, PASSWORD, address="198.100.7.6").status_code == 200


def test_one_account_from_many_addresses_is_limited(client: FlaskClient) -> None:
    answers = [ask(client, address=f"198.100.7.{k}").status_code for k in range(12)]
    assert answers == [401] * 10 + [429] * 2
    assert ask(client, email=f" {EMAIL.upper()}", address="198.100.7.99").status_code == 429


def test_other_requests_are_no_business_of_the_limits(
    client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    token = ask(client, PASSWORD).json["auth_token"]
    assert client.get("/api/v2_0/assets", headers={"Authorization": token}).status_code == 200
    assert client.get("/api/v2_0/getService").status_code == 200
    assert {record.name for record in caplog.records} <= {"werkzeug"}


def test_an_account_that_is_limited_does_not_lock_out_others_of_its_address(client: FlaskClient) -> None:
    assert [ask(client, email="old@example.com").status_code for _ in range(30)] == [404] * 10 + [429] * 20
    assert ask(client, PASSWORD).status_code == 200


def test_successes_do_not_count(client: FlaskClient) -> None:
    assert {ask(client, PASSWORD).status_code for _ in range(30)} == {200}


def test_the_login_counts_together_with_tokens_and_answers_with_a_page(client: FlaskClient) -> None:
    assert [login(client).status_code for _ in range(5)] == [200] * 5
    assert [ask(client).status_code for _ in range(5)] == [401] * 5
    refused = login(client, PASSWORD)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert "Too many attempts failed" in refused.text
    assert int(refused.headers["Retry-After"]) >= 1
    assert client.get("/login").status_code == 200


def test_mails_of_password_resets_are_limited(client: FlaskClient) -> None:
    answers = [client.post("/reset", data={"email": f"nobody{k}@example.com"}).status_code for k in range(12)]
    assert answers == [200] * 10 + [429] * 2


def test_unknown_accounts_are_limited_as_known_ones_are(tmp_path: Any) -> None:
    client = make(tmp_path, FLEXMEASURES_HIDE_UNKNOWN_USERS=True)
    known = [ask(client, address="198.100.7.1") for _ in range(12)]
    unknown = [ask(client, email="nobody@example.com", address="198.100.7.2") for _ in range(12)]
    assert (
        [answer.status_code for answer in known]
        == [answer.status_code for answer in unknown]
        == [401] * 10 + [429] * 2
    )
    assert known[0].json == unknown[0].json


def test_limits_are_settings(tmp_path: Any) -> None:
    limits = dict.fromkeys(
        (
            "FLEXMEASURES_FAILED_LOGINS_BY_ADDRESS",
            "FLEXMEASURES_FAILED_LOGINS_BY_ACCOUNT",
            "FLEXMEASURES_PASSWORD_RESETS",
        ),
        "",
    )
    client = make(tmp_path / "none", **limits)
    assert {ask(client).status_code for _ in range(25)} == {401}
    fewer = make(tmp_path / "fewer", FLEXMEASURES_FAILED_LOGINS_BY_ACCOUNT="2 per hour")
    assert [ask(fewer).status_code for _ in range(3)] == [401, 401, 429]
    with pytest.raises(SettingsError, match="FLEXMEASURES_PASSWORD_RESETS is 'often'"):
        make(tmp_path / "wrong", FLEXMEASURES_PASSWORD_RESETS="often")


def test_behind_a_proxy_that_is_trusted_clients_have_their_own_addresses(tmp_path: Any) -> None:
    client = make(tmp_path, FLEXMEASURES_TRUSTED_PROXIES=1)

    def from_(client_address: str, k: int) -> int:
        forwarded = {"X-Forwarded-For": client_address}
        return int(ask(client, email=f"user{k}@example.com", address="10.0.0.7", **forwarded).status_code)

    assert [from_("198.100.7.1", k) for k in range(21)] == [404] * 20 + [429]
    assert from_("198.100.7.2", 30) == 404
    # What a client writes itself stands before what the proxy adds.
    assert from_("198.100.7.77, 198.100.7.1", 31) == 429


def test_behind_a_proxy_that_nobody_told_of_only_accounts_count(client: FlaskClient) -> None:
    for k in range(30):
        answer = ask(
            client, email=f"user{k}@example.com", address="10.0.0.7", **{"X-Forwarded-For": "198.100.7.1"}
        )
        assert answer.status_code == 404
    public = [
        ask(client, email=f"user{k}@example.com", **{"X-Forwarded-For": "198.100.7.1"}).status_code
        for k in range(21)
    ]
    assert public == [404] * 20 + [429]


def test_counts_are_shared_in_redis_and_kept_in_memory_while_it_is_away(
    tmp_path: Any, redis_url: str
) -> None:
    limits = {"FLEXMEASURES_FAILED_LOGINS_BY_ACCOUNT": "3 per hour"}
    one, other = (
        make(tmp_path / name, FLEXMEASURES_REDIS_URL=redis_url, **limits) for name in ("one", "other")
    )
    assert [ask(one).status_code for _ in range(3)] == [401] * 3
    assert ask(other).status_code == 429
    away = make(tmp_path / "away", FLEXMEASURES_REDIS_URL="redis://127.0.0.1:9", **limits)
    assert [ask(away).status_code for _ in range(4)] == [401] * 3 + [429]


def test_cookies_of_sessions_stay_on_the_site_and_on_https_in_production(
    tmp_path: Any, client: FlaskClient
) -> None:
    from flexmeasures.app import create
    from flexmeasures.db import branches, db, upgrade

    settings = {"SECRET_KEY": "k" * 32, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/x.db"}
    app = create("production", instance=tmp_path, settings=settings | {"WTF_CSRF_ENABLED": False})
    with app.app_context():
        upgrade(db.engine, branches(app.extensions["flexmeasures"].plugins))
        with writing():
            auth.create_user("ada", EMAIL, PASSWORD, ["Prosumer"])
    secure = {"X-Forwarded-Proto": "https"}
    sent = app.test_client().post("/login", data={"email": EMAIL, "password": PASSWORD}, headers=secure)
    assert sent.status_code == 302
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= _flags(sent)
    assert _flags(login(client, PASSWORD)) >= {"HttpOnly", "SameSite=Lax"}


def _flags(answer: Any) -> set[str]:
    (cookie,) = (each for each in answer.headers.getlist("Set-Cookie") if each.startswith("session="))
    return set(cookie.split("; "))


def test_a_negative_number_of_proxies_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="FLEXMEASURES_TRUSTED_PROXIES is -1"):
        make_app(tmp_path / "instance", FLEXMEASURES_TRUSTED_PROXIES=-1)


def test_counts_hold_no_email_address_and_differ_by_instance(tmp_path):
    from flexmeasures.auth.limiting import _account

    found = []
    for number in (1, 2):
        app = make_app(tmp_path / f"instance{number}", SECRET_KEY=f"key {number}")
        with app.test_request_context(method="POST", data={"email": " Ada@example.com"}):
            found.append(_account())
    assert "ada" not in "".join(found)
    assert found[0] != found[1]
