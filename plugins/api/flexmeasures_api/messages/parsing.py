"""The grammar of messages: keys from body or query string, singular and plural, groups, and values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import orjson
from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from flexmeasures_api.messages.status_codes import Refused, shown

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

Message = dict[str, Any]
# Of all messages; each, but for `type` and the like, also in the plural.
_SINGULAR = ("connection", "market", "sensor", "event", "group", "value", "source", "target")
KEYS = frozenset(
    (*_SINGULAR, *(f"{key}s" for key in _SINGULAR), "type", "unit", "start", "duration", "horizon", "prior")
) | {"resolution", "datetime", "access", "quantiles"}
_COLON = re.compile(rb'"\s*:')
MOST_NAMES = 10_000  # in one request, so that its look-ups stay few and databases take their parameters


@dataclass(frozen=True)
class Group:
    """Sensors that share values: their addresses as the client sent them, and the raw values (None: no key)."""

    names: tuple[object, ...]
    values: object = None


# -- where the keys come from --------------------------------------------------------------------------


def read_message(request: Request) -> Message:
    """Keys of the JSON body and, for GET, of the query string, which wins. BadRequest for what is no JSON object.

    Bodies are read as JSON whatever their content type says; a GET needs none.
    """
    data = request.get_data(cache=False)
    if request.method in ("GET", "HEAD"):
        return (_json_object(data) if data.strip() else {}) | _query_string(request)
    return _json_object(data)


def _json_object(data: bytes) -> Message:
    message = read_json(data)
    if not isinstance(message, dict):
        raise BadRequest("The body is JSON, but not a JSON object with the keys of the message.")
    return message


def read_json(data: bytes) -> Any:
    """What a body holds; BadRequest for what is no JSON (as NaN), or has a key twice in one object."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if len(_COLON.findall(data)) > _count_keys(found):  # or there is such text within a string
        _refuse_twins(data)
    return found


def _count_keys(message: Any) -> int:
    """How many keys all objects within hold; lists of numbers cost next to nothing, and depth does not matter."""
    count, unseen = 0, [message]
    while unseen:
        found: Any = unseen.pop()
        if isinstance(found, dict):
            count += len(found)
            unseen.extend(found.values())
        elif isinstance(found, list) and found and isinstance(found[0], (dict, list)):
            unseen.extend(found)
    return count


def _refuse_twins(data: bytes) -> None:
    """BadRequest when an object has a key twice, which orjson does not tell."""
    try:
        json.loads(data, object_pairs_hook=_object_of_different_keys, parse_int=str, parse_float=str)
    except RecursionError:
        raise BadRequest("The body is nested too deep to be a message.") from None


def _object_of_different_keys(pairs: list[tuple[str, Any]]) -> Message:
    keys = [key for key, _ in pairs]
    twice = next((key for k, key in enumerate(keys) if key in keys[:k]), None)
    if twice is not None:
        raise BadRequest(f"The body has the key {shown(twice)} twice in one object. Accepted: each key once.")
    return dict(pairs)


def _query_string(request: Request) -> Message:
    """Repeated keys and JSON lists are lists, merged; a key with exactly one value is a scalar, but groups."""
    message: Message = {}
    for key, texts in request.args.lists():
        items = [item for text in texts for item in _items(key, text)]
        message[key] = items[0] if len(items) == 1 and key != "groups" else items
    return message


def _items(key: str, text: str) -> list[Any]:
    if text.lstrip()[:1] not in ("[", "{" if key == "groups" else "["):
        return [text]
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [text]
    return parsed if isinstance(parsed, list) else [parsed]


# -- what every message has ----------------------------------------------------------------------------


def check_keys(message: Message) -> None:
    """Refused when an unknown key is nearly a known one; what resembles none is ignored."""
    objects = [("", message)]
    groups = message.get("groups")
    if isinstance(groups, list):
        objects += [(f"groups[{k}].", group) for k, group in enumerate(groups) if isinstance(group, dict)]
    for where, found in objects:
        for key in found.keys() - KEYS:
            if near := get_close_matches(str(key).lower(), KEYS, 1, cutoff=0.85):
                text = f"{where}{shown(key)} is no key of messages. Did you mean {near[0]!r}?"
                raise Refused("UNPROCESSABLE_ENTITY", {"json": {str(key)[:100]: [text]}})


def check_type(message: Message, expected: str) -> None:
    """Refused unless "type" is the expected one (NO_MESSAGE_TYPE, INVALID_MESSAGE_TYPE)."""
    given = message.get("type")
    if given is None:
        raise Refused("NO_MESSAGE_TYPE", f"The message has no 'type'. Accepted: '{expected}'.")
    if given != expected:
        raise Refused("INVALID_MESSAGE_TYPE", f"type {shown(given)} is wrong here. Accepted: '{expected}'.")


# -- sensors and groups --------------------------------------------------------------------------------


def read_groups(message: Message, key: str) -> list[Group]:
    """The groups of sensors, by `key` (connection, market, sensor, event) or its plural, or in "groups".

    Values stated at the top count for each group, otherwise each group has its own. Refused with
    UNRECOGNIZED_CONNECTION_GROUP when there is no sensor at all, or none in some group.
    """
    top = _either(message, key)
    values = _either(message, "value")
    dicts = [message] if top is not None else _dicts(message)
    if not dicts:
        plural = f"'{key}', '{key}s' or 'groups' with one of them in each"
        raise Refused("UNRECOGNIZED_CONNECTION_GROUP", f"The message names no {key}. Accepted: {plural}.")
    groups = [
        Group(_names(_either(group, key), key), values if values is not None else _either(group, "value"))
        for group in dicts
    ]
    check_names(sum(len(group.names) for group in groups), f"{key}s")
    return groups


def _either(fields: Message, key: str) -> object:
    """What the singular key holds, else the plural; null is as good as absent, but for values."""
    if fields.get(key) is not None or (key == "value" and key in fields):
        found = fields[key]
        return [None] if found is None else found
    return fields.get(f"{key}s")


def _dicts(message: Message) -> list[Message]:
    groups = message.get("groups")
    if isinstance(groups, dict):
        groups = [groups]
    if groups is None:
        return []
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise Refused(
            "UNRECOGNIZED_CONNECTION_GROUP", "groups are not understood. Accepted: a list of objects."
        )
    return groups


def _names(found: object, key: str) -> tuple[object, ...]:
    names = tuple(found) if isinstance(found, list) else (found,)
    if not names or any(name is None or name == "" for name in names):
        raise Refused("UNRECOGNIZED_CONNECTION_GROUP", f"A {key} is missing or empty. Accepted: its address.")
    return names


# -- values --------------------------------------------------------------------------------------------


def read_values(raw: object, key: str = "values") -> Floats:
    """The values as float64, shape (n,), n >= 1: numbers, or strings that are numbers, one or a list of them.

    Refused with PTUS_INCOMPLETE, naming the first bad one: null, "", text, true, NaN or infinite.
    """
    import numpy as np

    items = raw if isinstance(raw, list) else [raw]
    if raw is None or not items:
        raise Refused("PTUS_INCOMPLETE", f"{key} are missing. Accepted: a number or a list of numbers.")
    kinds = set(map(type, items))
    if kinds <= {float, int}:
        values = np.array(items, dtype=np.float64)
        if np.isfinite(values).all():
            return values
    return np.array([_number(item, key, k, len(items)) for k, item in enumerate(items)])


def read_number(raw: object, key: str) -> float:
    """One number (or a string that is one); Refused with PTUS_INCOMPLETE."""
    return _number(raw, key, 0, 1)


def _number(item: object, key: str, index: int, count: int) -> float:
    number = math.nan
    if isinstance(item, str) and item.isascii() and "_" not in item:
        try:
            number = float(item)
        except ValueError:
            number = math.nan
    elif isinstance(item, (int, float)) and not isinstance(item, bool):
        number = float(item)
    if not math.isfinite(number):
        place = key if count == 1 else f"{key}[{index}]"
        what = "missing" if item is None or item == "" else f"{shown(item)}, which is no finite number"
        raise Refused("PTUS_INCOMPLETE", f"{place} is {what}. Accepted: a number.")
    return number


def check_names(count: int, what: str) -> None:
    """Raise RequestEntityTooLarge (413) when a request names more than can be looked up at once."""
    if count > MOST_NAMES:
        raise RequestEntityTooLarge(f"The request names {count} {what}. Accepted: at most {MOST_NAMES}.")


def check_amount(counts: Sequence[int], most: int) -> None:
    """Raise RequestEntityTooLarge (413) when a request is about more values than the setting allows."""
    total = sum(counts)
    if total > most:
        text = f"The request is about {total} values. Accepted: at most {most} (FLEXMEASURES_MAX_VALUES)."
        raise RequestEntityTooLarge(text)
