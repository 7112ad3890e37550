"""Which language a page is in, and how numbers and days are written in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flexmeasures.testing import make_app
from flexmeasures_charts.formatting import age, number, percent, short
from flexmeasures_translation import day_and_time, gettext, languages, month_and_year, ngettext

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}
SATURDAY = datetime(2026, 3, 14, 9, 5, tzinfo=UTC)


def test_the_browsers_language_is_used(client: Any) -> None:
    page = client.get("/login", headers=GERMAN)
    assert '<html lang="de">' in page.text
    assert "Passwort vergessen?" in page.text
    assert "Forgot your password?" in client.get("/login").text


def test_a_language_that_there_is_not_means_english(client: Any) -> None:
    assert "Forgot your password?" in client.get("/login", headers={"Accept-Language": "fr"}).text


def test_a_choice_is_kept_and_counts_more_than_the_browser(client: Any) -> None:
    answer = client.get("/language/nl?next=/login%3Fnext%3D%252Fassets")
    assert (answer.status_code, answer.location) == (302, "/login?next=%2Fassets")
    assert "Wachtwoord vergeten?" in client.get("/login", headers=GERMAN).text
    assert client.get("/language/xx").status_code == 404


@pytest.mark.parametrize(
    "next_page", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
def test_a_choice_leads_to_no_other_site(client: Any, next_page: str) -> None:
    assert client.get("/language/de", query_string={"next": next_page}).location == "/"


def test_flask_securitys_own_words_are_translated_too(client: Any) -> None:
    page = client.post("/login", data={"email": "nobody@example.org", "password": "wrong"}, headers=GERMAN)
    assert "field-error" in page.text
    assert "Invalid" not in page.text
    assert "ngültig" in page.text or "nicht" in page.text


def test_what_programs_are_answered_is_english(client: Any) -> None:
    answers = [client.get("/api/v2_0/assets", headers=headers).json for headers in (GERMAN, {})]
    assert answers[0] == answers[1]


def test_numbers_and_days_are_written_as_the_language_does(app: Any) -> None:
    with app.test_request_context("/", headers=GERMAN):
        assert (number(1234.5678), short(0.25), percent(0.123)) == ("1\u2009235", "0,25", "12,3\u00a0%")
        assert number(-1.5) == "\u22121,50"
        assert day_and_time(SATURDAY) == "Sa 14. Mär 2026 09:05"
        assert month_and_year(SATURDAY) == "14. Mär 2026"
        assert age(SATURDAY, SATURDAY.replace(hour=11, minute=30)) == "2 h alt"
    assert day_and_time(SATURDAY) == "Sat 14 Mar 2026 09:05"
    assert (number(1.5), short(0.25), percent(None)) == ("1.50", "0.25", "\u2013")


def test_texts_are_filled_in_and_empty_ones_stay_empty(app: Any) -> None:
    with app.test_request_context("/", headers=GERMAN):
        assert gettext("") == ""
        assert ngettext("%(num)s asset", "%(num)s assets", 2) == "2 Anlagen"
        assert ngettext("%(num)s asset", "%(num)s assets", 1) == "1 Anlage"
        assert gettext("100 % of what nobody translated") == "100 % of what nobody translated"
    assert ngettext("%(num)s asset", "%(num)s assets", 2) == "2 assets"


@pytest.mark.parametrize(
    "content", [b"", b"no catalog", b"\xde\x12\x04\x95" + 24 * b"\xff", b"\xde\x12\x04\x95"]
)
def test_a_broken_catalog_of_a_plugin_breaks_no_page(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"torn_{len(content)}"
    folder = tmp_path / name
    (folder / "translations" / "de" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "translations" / "de" / "LC_MESSAGES" / "messages.mo").write_bytes(content)
    (folder / "__init__.py").write_text(
        f"from flask import Blueprint\n\n{name} = Blueprint('{name}', __name__)\n"
    )
    app = make_app(tmp_path / "instance", FLEXMEASURES_PLUGIN_PATHS=[str(folder)])
    page = app.test_client().get("/login", headers=GERMAN)
    assert page.status_code == 200
    assert "Passwort vergessen?" in page.text
    assert "messages.mo cannot be read" in caplog.text


def test_a_plugin_brings_its_own_language(tmp_path: Path) -> None:
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo

    folder = tmp_path / "breton"
    (folder / "translations" / "br" / "LC_MESSAGES").mkdir(parents=True)
    (folder / "__init__.py").write_text(
        "from flask import Blueprint\n\nbreton = Blueprint('breton', __name__)\n"
    )
    catalog = Catalog(locale="br")
    catalog.add("Password", "Ger-tremen")
    with (folder / "translations" / "br" / "LC_MESSAGES" / "messages.mo").open("wb") as file:
        write_mo(file, catalog)
    app = make_app(tmp_path / "instance", FLEXMEASURES_PLUGIN_PATHS=[str(folder)])
    with app.app_context():
        assert languages()["br"] == "Brezhoneg"
    page = app.test_client().get("/login", headers={"Accept-Language": "br"}).text
    assert "Ger-tremen" in page
    assert "Stay logged in" in page
