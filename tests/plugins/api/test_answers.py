"""JSON answers, statuses, units and the merging of groups (contract, sections 1, 4, 7, 8)."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from werkzeug.exceptions import InternalServerError, MethodNotAllowed, ServiceUnavailable, TooManyRequests

from flexmeasures_api.errors import json_error
from flexmeasures_api.messages import units
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import STATUSES, Refused, processed
from flexmeasures_api.services.get_data import merged


@pytest.mark.contract("1.10")
def test_what_is_no_number_is_null() -> None:
    values = np.array([1.0, np.nan, np.inf])
    body = answer({"values": values, "scalar": float("nan")}).get_data()
    assert orjson.loads(body) == {"values": [1.0, None, None], "scalar": None}


@pytest.mark.contract("4.1")
def test_every_status_has_an_http_code_and_words() -> None:
    for status, (http, text) in STATUSES.items():
        assert Refused(status).http == http
        assert text.endswith(".")


@pytest.mark.contract("1.7")
def test_a_refusal_has_the_documented_keys() -> None:
    body = Refused("INVALID_UNIT", "text").body("GetMeterDataResponse")
    assert body == {
        "type": "GetMeterDataResponse",
        "result": "Rejected",
        "status": "INVALID_UNIT",
        "message": "text",
    }
    assert processed(values=[1])["status"] == "PROCESSED"


@pytest.mark.contract("8.2")
def test_unit_errors_name_the_quantity_with_spaces_and_the_accepted_units() -> None:
    assert units.required_unit({"unit": "m/s"}, "wind_speed", units.WEATHER["wind_speed"]) == "m/s"
    for message in ({}, {"unit": "km/h"}, {"unit": 1}, {"unit": ["m/s"]}):
        with pytest.raises(Refused, match=r"wind speed.*'m/s'") as refusal:
            units.required_unit(message, "wind_speed", units.WEATHER["wind_speed"])
        assert refusal.value.status == "INVALID_UNIT"


@pytest.mark.contract("8.1")
def test_only_state_of_charge_is_converted() -> None:
    assert units.to_mwh(12.1, "kWh") == pytest.approx(0.0121)
    assert units.to_mwh(12.1, "MWh") == 12.1


@pytest.mark.contract("7.5")
def test_identical_series_are_merged_in_order_of_appearance() -> None:
    same, other = np.array([1.0, np.nan]), np.array([2.0, np.nan])
    groups = merged([("a", same), ("b", other), ("c", same.copy())], "connection")["groups"]
    assert [group.get("connections", group.get("connection")) for group in groups] == [["a", "c"], "b"]


def test_a_single_group_is_flattened() -> None:
    values = np.array([1.0])
    assert set(merged([("a", values)], "event")) == {"event", "values"}
    assert merged([("a", values), ("b", values)], "connection")["connections"] == ["a", "b"]


@pytest.mark.contract("1.9")
def test_framework_errors_are_json_and_keep_their_headers() -> None:
    wrong_method = json_error(MethodNotAllowed(["POST", "OPTIONS"]))
    assert wrong_method.headers["Allow"]
    assert orjson.loads(wrong_method.get_data())["status"] == "INVALID_METHOD"
    assert "POST" in orjson.loads(wrong_method.get_data())["message"]
    assert json_error(ServiceUnavailable()).headers["Retry-After"] == "5"
    assert json_error(ServiceUnavailable(retry_after=9)).headers["Retry-After"] == "9"
    assert json_error(TooManyRequests()).status_code == 429
    broken = json_error(InternalServerError(original_exception=ValueError("secret")))
    assert b"secret" not in broken.get_data()
    assert broken.mimetype == "application/json"
