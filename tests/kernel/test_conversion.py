"""flexmeasures.config.parsing: values of settings from text and from Python."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from flexmeasures.config import SETTINGS, Setting, from_value
from flexmeasures.config.parsing import from_text
from flexmeasures.errors import SettingsError

ROWS = {row.name: row for row in SETTINGS}

READABLE = [
    ("MAIL_USE_TLS", "yes", True),
    ("MAIL_USE_TLS", "False", False),
    ("MAIL_PORT", "587", 587),
    ("FLEXMEASURES_PLUGIN_PATHS", "/a/b, /c", ["/a/b", "/c"]),
    ("FLEXMEASURES_PLUGIN_PATHS", '["/a,b"]', ["/a,b"]),
    ("FLEXMEASURES_HOSTS_AND_AUTH_START", '{"battery": "storage"}', {"battery": "storage"}),
    ("FLEXMEASURES_PLUGIN_TIMEOUT", "PT36H", timedelta(hours=36)),
    ("FLEXMEASURES_JOB_TIMEOUT", "-1", timedelta(seconds=-1)),
    ("LOGGING_LEVEL", "info", logging.INFO),
    ("LOGGING_LEVEL", "logging.ERROR", logging.ERROR),
    ("LOGGING_LEVEL", "15", 15),
    ("MAIL_DEFAULT_SENDER", "Energy,a@b.cd", ("Energy", "a@b.cd")),
    ("CORS_RESOURCES", "/api/v2/*", "/api/v2/*"),
    ("CORS_RESOURCES", '{"/api/*": {"origins": "*"}}', {"/api/*": {"origins": "*"}}),
    ("FLEXMEASURES_TIMEZONE", "Europe/Amsterdam", "Europe/Amsterdam"),
    ("FLEXMEASURES_MODE", "", ""),
    ("SECRET_KEY", "123", "123"),
]


@pytest.mark.parametrize(("name", "text", "value"), READABLE)
def test_text_is_read_by_the_type_of_the_setting(name: str, text: str, value: Any) -> None:
    for read in (from_text, from_value):
        found = read(text, ROWS[name], "somewhere")
        assert found == value
        assert type(found) is type(value)


UNREADABLE = [
    ("MAIL_USE_TLS", "perhaps", "true or false"),
    ("MAIL_PORT", "smtp", "a whole number"),
    ("FLEXMEASURES_HOSTS_AND_AUTH_START", "storage", "a dictionary in JSON"),
    ("FLEXMEASURES_HOSTS_AND_AUTH_START", "[1]", "a dictionary in JSON"),
    ("FLEXMEASURES_PLUGIN_PATHS", '["/a"', "a list"),
    ("FLEXMEASURES_PLUGIN_TIMEOUT", "two days", "ISO 8601"),
    ("FLEXMEASURES_PLUGIN_TIMEOUT", "inf", "ISO 8601"),
    ("LOGGING_LEVEL", "LOUD", "DEBUG, INFO"),
    ("FLEXMEASURES_TIMEZONE", "Europe/Utopia", "IANA"),
    ("FLEXMEASURES_JOBS", "outline", '"", inline'),
    ("FLASK_ENV", "prod", "documentation, development, testing, staging, production"),
]


@pytest.mark.parametrize(("name", "text", "accepted"), UNREADABLE)
def test_text_that_is_no_such_value_is_refused_with_name_value_place_and_what_is_accepted(
    name: str, text: str, accepted: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        from_text(text, ROWS[name], "environment")
    message = str(caught.value)
    assert f"{name} = {text!r} (environment)" in message
    assert accepted in message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("FLEXMEASURES_JOB_TIMEOUT", 90, timedelta(seconds=90)),
        ("FLEXMEASURES_PLUGIN_PATHS", ("/a",), ["/a"]),
        ("MAIL_DEFAULT_SENDER", ["Energy", "a@b.cd"], ("Energy", "a@b.cd")),
        ("FLEXMEASURES_REDIS_PASSWORD", None, None),
        ("CORS_RESOURCES", {"/api": {}}, {"/api": {}}),
    ],
)
def test_a_python_value_that_fits_is_taken(name: str, value: Any, expected: Any) -> None:
    found = from_value(value, ROWS[name], "argument")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLEXMEASURES_WORKERS", 2.5),
        ("FLEXMEASURES_WORKERS", True),
        ("FLEXMEASURES_WORKERS", None),
        ("FLEXMEASURES_PLUGIN_PATHS", {"a": 1}),
        ("FLEXMEASURES_TIMEZONE", 9),
        ("FLEXMEASURES_JOB_TIMEOUT", []),
    ],
)
def test_a_python_value_of_another_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=rf"{name} = .*\(argument\)"):
        from_value(value, ROWS[name], "argument")


def test_a_secret_is_not_repeated_in_a_message() -> None:
    with pytest.raises(SettingsError) as caught:
        from_value(8472, ROWS["MAIL_PASSWORD"], "argument")
    assert "MAIL_PASSWORD" in str(caught.value)
    assert "8472" not in str(caught.value)


def test_the_choices_of_a_duration_are_told_as_they_are_written() -> None:
    quarter, hour = timedelta(minutes=15), timedelta(hours=1)
    setting = Setting("FLEXMEASURES_SLOT", hour, timedelta, "Length.", choices=(hour, quarter))
    assert from_text("PT15M", setting, "environment") == quarter
    with pytest.raises(SettingsError, match=r"Accepted: PT1H, PT15M\."):
        from_text("PT2H", setting, "environment")
