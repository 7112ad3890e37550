"""The catalogs: every text of the pages is in each of them, with the same values to fill in, and made ready for use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import flexmeasures_charts
import flexmeasures_tariffs
import flexmeasures_translation
import flexmeasures_ui
import flexmeasures_ui_users
from flexmeasures_scheduling import MARKET_KEYS, SENSOR_KEYS, described
from flexmeasures_translation.language import OURS
from flexmeasures_ui.editing.flexibility import title

CODES = ("de", "nl")
PACKAGES = (
    flexmeasures_charts,
    flexmeasures_tariffs,
    flexmeasures_translation,
    flexmeasures_ui,
    flexmeasures_ui_users,
)
VALUE = re.compile(r"%\((\w+)\)s")


def _catalog(code: str) -> Catalog:
    with (OURS / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def _forms(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_every_text_of_the_pages_is_in_the_catalogs() -> None:
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    found = {
        message if isinstance(message, str) else tuple(message)
        for package in PACKAGES
        for _, _, message, _, _ in extract_from_dir(
            str(Path(package.__file__ or "").parent), methods, keywords={**DEFAULT_KEYWORDS, "marked": None}
        )
    }
    assert len(found) > 500
    for code in CODES:
        known = {message.id for message in _catalog(code) if message.id}
        assert found == known, f"{code}: run `make translations`, then translate what is new"


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated_with_the_same_values(code: str) -> None:
    for message in _catalog(code):
        for english, own in zip(_forms(message.id), _forms(message.string), strict=True):
            assert own, f"{english!r} is not translated"
            assert not message.fuzzy
            if message.id:
                assert set(VALUE.findall(own)) == set(VALUE.findall(english)), english


@pytest.mark.parametrize("code", CODES)
def test_what_is_used_is_what_was_translated(code: str) -> None:
    with (OURS / code / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        ready = read_mo(file)
    for message in _catalog(code):
        if message.id:
            assert _forms(ready[message.id].string) == _forms(message.string)
    assert len(ready) == len(_catalog(code))


def test_what_assets_may_ask_of_schedules_is_translated() -> None:
    known = _catalog("de")
    for key, schema in described().items():
        if key in MARKET_KEYS or key not in SENSOR_KEYS:
            assert title(key) in known
            assert schema["description"] in known
