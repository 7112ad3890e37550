"""Values of settings: from the text of an environment variable, or as a configuration file states them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from flexmeasures.config.settings import Kind, LogLevel, Setting, TimezoneName, is_secret
from flexmeasures.errors import InputError, SettingsError
from flexmeasures.timing import iso_duration


class _Reading(NamedTuple):
    """How one type of settings is read; both functions raise for what is no such value."""

    accepted: str
    from_text: Callable[[str], Any]
    from_value: Callable[[Any], Any]


def _of(*kinds: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # True is an int in Python, but nobody means a number by it.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError
        return value

    return check


def _bool(text: str) -> bool:
    words = {
        "true": True,
        "yes": True,
        "on": True,
        "1": True,
        "false": False,
        "no": False,
        "off": False,
        "0": False,
    }
    if text.strip().lower() not in words:
        raise ValueError
    return words[text.strip().lower()]


def _list(text: str) -> list[Any]:
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    return list(json.loads(text))


def _tuple(text: str) -> tuple[Any, ...]:
    return tuple(_list(text))


def _dict(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


def _duration(text: str) -> timedelta:
    from flexmeasures.timing import parse_duration

    try:
        return timedelta(seconds=float(text))
    except ValueError:
        return parse_duration(text)


def _duration_value(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    return timedelta(seconds=_of(int, float)(value))


def _level(text: str) -> int:
    if text.strip().isdigit():
        return int(text)
    names = logging.getLevelNamesMapping()
    name = text.strip().upper().removeprefix("LOGGING.")
    if name not in names:
        raise ValueError
    return names[name]


def _timezone(text: str) -> str:
    from flexmeasures.timing import timezone

    return timezone(text).key


def _anything(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {"True": True, "False": False, "None": None}.get(text, text)


def _same(value: Any) -> Any:
    return value


_READINGS: dict[Kind, _Reading] = {
    bool: _Reading("true or false", _bool, _of(bool)),
    int: _Reading("a whole number", int, _of(int)),
    float: _Reading("a number", float, _of(int, float)),
    str: _Reading("text", str, _of(str)),
    list: _Reading(
        "a list: JSON, or separated by commas", _list, lambda value: list(_of(list, tuple, set)(value))
    ),
    tuple: _Reading(
        "a list: JSON, or separated by commas", _tuple, lambda value: tuple(_of(list, tuple)(value))
    ),
    dict: _Reading(
        'a dictionary in JSON, such as {"name": "value"}', _dict, lambda value: dict(_of(dict)(value))
    ),
    timedelta: _Reading(
        "a duration: ISO 8601, such as PT48H, or a number of seconds", _duration, _duration_value
    ),
    LogLevel: _Reading("DEBUG, INFO, WARNING, ERROR, CRITICAL or a number", _level, _of(int)),
    TimezoneName: _Reading("an IANA time zone, such as Europe/Amsterdam", _timezone, _of()),
    object: _Reading("JSON or text", _anything, _same),
}


def from_text(text: str, setting: Setting, origin: str) -> Any:
    """The value that `text`, from an environment variable or .env file, has for the setting.

    SettingsError names the setting, the text, where it comes from and what is accepted.
    """
    return _read(setting, text, origin, _READINGS[setting.type].from_text)


def from_value(value: Any, setting: Setting, origin: str) -> Any:
    """A Python value from a configuration file or argument, checked against the setting's type.

    None is accepted where it is the default; text is read as in an environment variable. Else SettingsError.
    """
    if value is None and setting.default is None:
        return None
    reading = _READINGS[setting.type]
    return _read(setting, value, origin, reading.from_text if isinstance(value, str) else reading.from_value)


def _read(setting: Setting, value: Any, origin: str, read: Callable[[Any], Any]) -> Any:
    accepted = _READINGS[setting.type].accepted
    try:
        result = read(value)
        if setting.choices:
            as_text = iso_duration if setting.type is timedelta else str
            accepted = ", ".join(as_text(choice) or '""' for choice in setting.choices)
            if result not in setting.choices:
                raise ValueError
    except (ValueError, TypeError, OverflowError, InputError):
        shown = "***" if is_secret(setting.name) else repr(value)
        message = f"{setting.name} = {shown} ({origin}) is not accepted. Accepted: {accepted}."
        raise SettingsError(message) from None
    return result
