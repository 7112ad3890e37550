"""The grammar of messages (contract, sections 1 and 7)."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from flask import Flask, request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from flexmeasures_api.messages import parsing
from flexmeasures_api.messages.parsing import Group
from flexmeasures_api.messages.status_codes import Refused

EMPTY_APP = Flask("empty")
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read(path: str = "/", **options: Any) -> dict[str, Any]:
    with EMPTY_APP.test_request_context(path, **options):
        return parsing.read_message(request)


def refusal_of(function: Any, *arguments: Any) -> Refused:
    with pytest.raises(Refused) as refusal:
        function(*arguments)
    return refusal.value


# -- where the keys come from --


@pytest.mark.contract("1.3")
def test_repeated_keys_and_json_lists_are_merged() -> None:
    message = read('/?connection=a&connection=["b","c"]&unit=MW')
    assert message == {"connection": ["a", "b", "c"], "unit": "MW"}


def test_a_list_of_one_is_a_scalar_but_groups_stay_a_list() -> None:
    message = read('/?connection=["a"]&groups=[{"connection":"b"}]')
    assert message == {"connection": "a", "groups": [{"connection": "b"}]}
    assert read('/?groups={"connection":"b"}') == {"groups": [{"connection": "b"}]}


@pytest.mark.contract("1.3")
def test_scalars_of_a_query_string_stay_text() -> None:
    assert read("/?source=42&x=[1,") == {"source": "42", "x": "[1,"}


def test_the_query_string_wins_over_the_body_of_a_get() -> None:
    message = read("/?unit=MW", method="GET", data=b'{"unit": "kW", "type": "T"}')
    assert message == {"unit": "MW", "type": "T"}


@pytest.mark.contract("1.4")
def test_a_body_is_json_whatever_its_content_type_says() -> None:
    assert read(method="POST", data=b'{"a": 1}', content_type="text/plain") == {"a": 1}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'"text"', b"null", b'{"a": NaN}', b'{"a": Infinity}', b"\xff"]
)
def test_a_body_that_is_no_json_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(method="POST", data=body)


# -- type --


def test_a_missing_and_a_wrong_type_are_told_apart() -> None:
    assert refusal_of(parsing.check_type, {}, "GetXRequest").status == "NO_MESSAGE_TYPE"
    assert refusal_of(parsing.check_type, {"type": "Y"}, "GetXRequest").status == "INVALID_MESSAGE_TYPE"
    assert refusal_of(parsing.check_type, {"type": ["Y"]}, "GetXRequest").status == "INVALID_MESSAGE_TYPE"


# -- groups --


@pytest.mark.parametrize("key", ["connection", "market", "sensor", "event"])
@pytest.mark.contract("7.1")
def test_singular_and_plural_both_hold_one_or_a_list(key: str) -> None:
    assert parsing.read_groups({key: "a"}, key) == [Group(("a",))]
    assert parsing.read_groups({f"{key}s": "a"}, key) == [Group(("a",))]
    assert parsing.read_groups({key: ["a", "b"], "value": 1}, key) == [Group(("a", "b"), 1)]


@pytest.mark.contract("7.1", "7.2")
def test_the_singular_comes_before_the_plural_before_groups() -> None:
    message = {"connection": "a", "connections": ["b"], "groups": [{"connection": "c"}]}
    assert parsing.read_groups(message, "connection")[0].names == ("a",)
    del message["connection"]
    assert parsing.read_groups(message, "connection")[0].names == ("b",)
    del message["connections"]
    assert parsing.read_groups(message, "connection")[0].names == ("c",)


@pytest.mark.contract("7.3")
def test_groups_are_paired_with_their_own_values() -> None:
    groups = [{"connections": ["a", "b"], "values": [1, 2]}, {"connection": "c", "value": 3}]
    expected = [Group(("a", "b"), [1, 2]), Group(("c",), 3)]
    assert parsing.read_groups({"groups": groups}, "connection") == expected


def test_values_at_the_top_count_for_every_group() -> None:
    groups = [{"connection": "a"}, {"connection": "b", "value": 9}]
    message = {"groups": groups, "values": [1, 2]}
    assert [group.values for group in parsing.read_groups(message, "connection")] == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"connections": []},
        {"connection": ""},
        {"connection": ["a", None]},
        {"groups": []},
        {"groups": "a"},
        {"groups": ["a"]},
        {"groups": [{}]},
        {"groups": [{"connection": "a"}, {"values": [1]}]},
        {"market": "m"},
    ],
)
def test_a_missing_or_empty_sensor_is_refused(message: dict[str, Any]) -> None:
    refusal = refusal_of(parsing.read_groups, message, "connection")
    assert refusal.status == "UNRECOGNIZED_CONNECTION_GROUP"


@given(st.dictionaries(st.sampled_from(["connection", "connections", "groups", "value", "values"]), ANYTHING))
def test_no_message_makes_reading_fail_otherwise_than_by_refusing(message: dict[str, Any]) -> None:
    try:
        groups = parsing.read_groups(message, "connection")
        outcome = "read" if all(len(parsing.read_values(group.values)) for group in groups) else "empty"
    except Refused as refusal:
        outcome = refusal.status
    assert outcome in ("read", "UNRECOGNIZED_CONNECTION_GROUP", "PTUS_INCOMPLETE")


# -- values --


@given(st.lists(NUMBERS, min_size=1, max_size=50))
@pytest.mark.contract("7.2")
def test_numbers_and_numeric_strings_are_the_same_values(numbers: list[float]) -> None:
    expected = np.array(numbers, dtype=np.float64)
    assert np.array_equal(parsing.read_values(numbers), expected)
    assert np.array_equal(parsing.read_values([repr(number) for number in numbers]), expected)
    assert np.array_equal(parsing.read_values(orjson.loads(orjson.dumps(numbers))), expected)


def test_a_scalar_is_a_list_of_one() -> None:
    assert parsing.read_values(220).tolist() == [220.0]
    assert parsing.read_values("2.5").tolist() == [2.5]


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (None, "values"),
        ([], "values"),
        ("", "values"),
        ([1, None], "values[1]"),
        ([1, 2, ""], "values[2]"),
        ([1, "two"], "values[1]"),
        ([True, 1.0], "values[0]"),
        ([1.0, float("nan")], "values[1]"),
        ([1.0, "inf"], "values[1]"),
        ([[1], [2]], "values[0]"),
        ([{"value": 1}, 1], "values[0]"),
        (["1_000", 1], "values[0]"),
    ],
)
@pytest.mark.contract("7.2")
def test_what_is_no_finite_number_is_named(raw: object, place: str) -> None:
    refusal = refusal_of(parsing.read_values, raw)
    assert refusal.status == "PTUS_INCOMPLETE"
    assert str(refusal.message).startswith(place)


def test_too_many_values_are_too_large() -> None:
    parsing.check_amount([6, 4], 10)
    with pytest.raises(RequestEntityTooLarge, match="11 values"):
        parsing.check_amount([6, 5], 10)


def test_more_sensors_than_can_be_looked_up_are_too_large() -> None:
    half = ["ea1.2021-01.a:1"] * (parsing.MOST_NAMES // 2)
    assert len(parsing.read_groups({"groups": [{"connections": half}] * 2}, "connection")) == 2
    with pytest.raises(RequestEntityTooLarge, match="connections"):
        parsing.read_groups({"groups": [{"connections": half}] * 3}, "connection")


def test_what_is_nested_as_deep_as_json_allows_is_refused_in_short() -> None:
    deep = orjson.loads(b"[" * 1000 + b"]" * 1000)
    refusal = refusal_of(parsing.check_type, {"type": deep}, "GetMeterDataRequest")
    assert len(str(refusal.message)) < 200


# -- what is nearly right --


def test_a_key_that_is_nearly_a_known_one_is_refused_and_both_are_named() -> None:
    for message, wrong, meant in (
        ({"horizn": "PT6H"}, "horizn", "horizon"),
        ({"Duration": "PT6H"}, "Duration", "duration"),
        ({"groups": [{"conection": "a"}]}, "conection", "connection"),
    ):
        refusal = refusal_of(parsing.check_keys, message)
        (text,) = refusal.body()["message"]["json"][wrong]
        assert (refusal.http, repr(meant) in text) == (422, True)


def test_keys_that_resemble_none_are_ignored() -> None:
    known = dict.fromkeys(parsing.KEYS, "x") | {"groups": [{"connection": "a", "value": 1}]}
    parsing.check_keys(known | {"colour": "red", "x-client": 1, "": 0})


@pytest.mark.parametrize(
    "body",
    [
        '{"type": "T", "type": "T"}',
        '{"groups": [{"value": 1, "value" : 2}]}',
        '{"a\\": ": 1, "b": {"c": 1, "c": 2}}',
    ],
)
def test_a_key_that_stands_twice_in_one_object_is_a_bad_request_that_names_it(body: str) -> None:
    with pytest.raises(BadRequest, match="twice"):
        read(method="POST", data=body.encode())


def test_text_that_looks_like_a_second_key_is_text() -> None:
    body = '{"a": "he said \\": twice\\": ", "b": [{"a": 1}, {"a": 2}]}'
    assert read(method="POST", data=body.encode())["b"] == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_tokens_that_json_does_not_have_are_a_bad_request(token: str) -> None:
    with pytest.raises(BadRequest):
        read(method="POST", data=f'{{"values": [{token}]}}'.encode())


@pytest.mark.parametrize("inner", ["1", '{"b": 1, "b": 2}'])
@pytest.mark.parametrize(("begin", "end"), [('{"a":', "}"), ("[", "]")])
def test_the_deepest_nesting_that_is_json_is_read_or_refused(begin: str, end: str, inner: str) -> None:
    for depth in (250, 1000, 1020):
        body = '{"a":' + begin * depth + inner + end * depth + "}"
        try:
            outcome = str(list(read(method="POST", data=body.encode())))
        except BadRequest as refusal:
            outcome = str(refusal)
        assert any(word in outcome for word in ("['a']", "twice", "nested"))


def test_a_number_of_thousands_of_digits_beside_a_suspicious_text_is_read() -> None:
    body = '{"x": "\\": ", "a": ' + "1" * 5000 + "}"
    with pytest.raises(BadRequest):  # it is no number that a computer has
        read(method="POST", data=body.encode())
