"""create(): settings, health, errors, headers, and the promised import paths."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from flexmeasures.db import db, writing
from flexmeasures.models import Role
from flexmeasures.testing import make_app


def test_health_says_that_the_database_answers(client):
    response = client.get("/health")
    assert (response.status_code, response.json["status"]) == (200, "ok")
    assert response.json["parts"]["database"] == {"ok": True}


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(app, client, monkeypatch):
    from sqlalchemy.exc import OperationalError

    def away(*_args, **_kwargs):
        raise OperationalError("SELECT 1", {}, ConnectionError("gone"))

    monkeypatch.setattr("sqlalchemy.engine.Connection.exec_driver_sql", away)
    assert client.get("/health").status_code == 503
    monkeypatch.undo()
    monkeypatch.setattr("sqlalchemy.orm.Session.scalar", away)
    monkeypatch.setattr("sqlalchemy.orm.Session.scalars", away)
    response = client.get("/api/v2_0/getConnection", headers={"Authorization": _token(app)})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Traceback" not in response.text


def test_what_the_driver_itself_says_of_a_locked_database_is_a_503_too(app, client, monkeypatch):
    with app.app_context():
        driver = db.engine.dialect.loaded_dbapi

    def locked(*_args, **_kwargs):
        raise driver.OperationalError("locked")

    monkeypatch.setattr("sqlalchemy.orm.Session.scalar", locked)
    monkeypatch.setattr("sqlalchemy.orm.Session.scalars", locked)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    response = client.get("/api/v2_0/getConnection", headers={"Authorization": _token(app)})
    assert response.status_code == 503


def _token(app) -> str:
    from flexmeasures.models import User

    with app.app_context():
        return User(fs_uniquifier="somebody").get_auth_token()


def test_an_unexpected_error_shows_no_traceback(tmp_path):
    app = make_app(tmp_path, PROPAGATE_EXCEPTIONS=False)

    @app.get("/fails")
    def fails():
        raise RuntimeError("a secret")

    response = app.test_client().get("/fails")
    assert response.status_code == 500
    assert "a secret" not in response.text


def test_pages_come_with_a_strict_content_security_policy(client):
    headers = client.get("/login").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.contract("1.12")
def test_http_is_redirected_to_https_in_production_only(tmp_path, client):
    assert client.get("/login").status_code == 200
    from flexmeasures.app import create

    settings = {
        "SECRET_KEY": "k" * 32,
        "TESTING": True,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/x.db",
    }
    production = create("production", instance=tmp_path, settings=settings).test_client()
    response = production.get("/login?next=/assets")
    assert (response.status_code, response.location) == (301, "https://localhost/login?next=/assets")
    assert production.get("/login", headers={"X-Forwarded-Proto": "https"}).status_code == 200
    assert production.get("/health").status_code != 301
    assert production.application.config["REMEMBER_COOKIE_SECURE"]


def test_requests_to_other_hosts_than_the_trusted_ones_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUSTED_HOSTS", "flex.example.com,.example.org")
    client = make_app(tmp_path).test_client()
    codes = {
        host: client.get("/login", headers={"Host": host}).status_code
        for host in ("flex.example.com", "a.example.org", "evil.example.net")
    }
    assert codes == {"flex.example.com": 200, "a.example.org": 200, "evil.example.net": 400}


def test_the_files_of_an_instance_are_its_owners_only_whatever_the_folder_allows(tmp_path):
    tmp_path.chmod(0o755)
    app = make_app(tmp_path)
    app.logger.error("something for the log")
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {"flexmeasures.db", "flexmeasures.log"} <= {path.name for path in files}
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in files} == dict.fromkeys(
        (path.name for path in files), "0o0"
    )


def test_a_write_transaction_is_all_or_nothing(in_app):
    with pytest.raises(ZeroDivisionError), writing() as session:
        session.add(Role(name="half"))
        session.flush()
        _ = 1 / 0
    assert db.session.scalar(text("SELECT count(*) FROM role")) == 0


def test_nested_writing_joins_the_outer_transaction(in_app):
    with pytest.raises(ZeroDivisionError), writing():
        with writing() as session:
            session.add(Role(name="inner"))
        _ = 1 / 0
    assert db.session.scalar(text("SELECT count(*) FROM role")) == 0


@pytest.mark.contract("26.3")
def test_as_transaction_is_where_the_documentation_says(in_app):
    from flexmeasures.data.transactional import as_transaction

    @as_transaction
    def add(name: str) -> str:
        db.session.add(Role(name=name))
        return name

    assert add("kept") == "kept"
    assert db.session.scalar(text("SELECT count(*) FROM role")) == 1
    assert add.__name__ == "add"


def test_concurrent_writers_wait_for_each_other(app):
    import threading

    errors: list[Exception] = []

    def write(k: int) -> None:
        try:
            for n in range(10):
                with app.app_context(), writing() as session:
                    session.scalar(text("SELECT count(*) FROM role"))
                    session.add(Role(name=f"{k}-{n}"))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with app.app_context():
        assert db.session.scalar(text("SELECT count(*) FROM role")) == 40


def test_public_names_are_those_that_are_promised():
    import flexmeasures

    for name in flexmeasures.__all__:
        assert getattr(flexmeasures, name) is not None
    with pytest.raises(AttributeError):
        _ = flexmeasures.no_such_name


def test_production_sends_no_reset_links_until_it_knows_its_own_name(tmp_path):
    from flexmeasures.app import create

    settings = {
        "SECRET_KEY": "k" * 32,
        "TESTING": True,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/x.db",
    }
    secure = {"X-Forwarded-Proto": "https"}
    nameless = create("production", instance=tmp_path, settings=settings).test_client()
    assert nameless.get("/reset", headers=secure).status_code == 404
    named = create(
        "production", instance=tmp_path, settings=settings | {"TRUSTED_HOSTS": ["flex.example.com"]}
    )
    client = named.test_client()
    assert client.get("/reset", headers=secure | {"Host": "flex.example.com"}).status_code == 200
    assert client.get("/reset", headers=secure | {"Host": "evil.example.org"}).status_code == 400
