"""What each service takes and gives, a row each. Examples are the documented ones, with addresses of one form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexmeasures_api.messages.units import POWER, PRICES, STATE_OF_CHARGE, WEATHER_UNITS
from flexmeasures_api.openapi.messages import (
    ADDRESSES,
    CONNECTION,
    EVENT,
    HOST,
    KNOWN_VALUES,
    MARKET,
    PLAIN_KEYS,
    QUANTILES,
    SENSOR,
    SOC_WITH_TARGETS,
    Message,
    entity_address,
)
from flexmeasures_api.openapi.operations import JsonSchema, json_object


def _read(entity: str, **more: JsonSchema) -> dict[str, JsonSchema]:
    """Keys of an answer with values, and more beside these: flat for one group, else in groups."""
    names = {entity: entity_address(entity), f"{entity}s": {"type": "array", "items": entity_address(entity)}}
    window = {"start": PLAIN_KEYS["start"], "duration": PLAIN_KEYS["duration"]}
    group = json_object(("values",), **names, values=KNOWN_VALUES, **more, **window)
    groups = {"type": "array", "items": group}
    return names | {"values": KNOWN_VALUES, "groups": groups} | more | window | {"unit": {"type": "string"}}


_PERIOD = {"start": "2021-01-01T00:00:00Z", "duration": "PT1H30M", "unit": "MW"}
_ADDRESS_LIST: JsonSchema = {"type": "array", "items": entity_address(CONNECTION)}
_FILTERS = ("resolution", "horizon", "prior", "source", "sources")


def _two_groups(full: float) -> dict[str, Any]:
    """The documented groups: two connections with the same values, and one with values of its own."""
    return {
        "groups": [
            {
                "connections": [f"{HOST}:1:3", f"{HOST}:1:4"],
                "values": [full, full, 0, 0, full, full],
            },
            {"connections": [f"{HOST}:1:5"], "values": [full, 0, 0, 0, full, full]},
        ]
    }


CONNECTIONS = Message(
    needs_type=False,
    gives={"connections": _ADDRESS_LIST, "names": {"type": "array", "items": {"type": "string"}}},
    examples={"all": {}},
)
METER_DATA = Message(
    entity=CONNECTION,
    units=POWER,
    needs=("start", "duration"),
    takes=_FILTERS,
    gives=_read(CONNECTION),
    examples={
        "one": {"connection": f"{HOST}:1:3"} | _PERIOD,
        "several": {"connections": [f"{HOST}:1:3", f"{HOST}:1:5"]} | _PERIOD,
    },
)
PROGNOSES = Message(
    entity=CONNECTION,
    units=POWER,
    needs=("start", "duration"),
    takes=_FILTERS,
    gives=_read(CONNECTION),
    examples={"one": {"connection": f"{HOST}:1:3"} | _PERIOD | {"horizon": "PT6H", "resolution": "PT15M"}},
)
PROGNOSES_WITH_QUANTILES = replace(
    PROGNOSES,
    takes=(*_FILTERS, "quantiles"),
    gives=_read(CONNECTION, quantiles=QUANTILES),
    examples=PROGNOSES.examples
    | {"quantiles": {"connection": f"{HOST}:1:3"} | _PERIOD | {"quantiles": [0.1, 0.9]}},
)
NEW_METER_DATA = Message(
    entity=CONNECTION,
    units=POWER,
    needs=("start", "duration"),
    values=True,
    recorded={},
    examples={
        "one": {"connection": f"{HOST}:1:3", "values": [306.66, 306.66, 0, 0, 306.66, 306.66]} | _PERIOD,
        "groups": _two_groups(306.66) | _PERIOD,
    },
)
NEW_PROGNOSES = Message(
    entity=CONNECTION,
    units=POWER,
    needs=("start", "duration"),
    values=True,
    recorded={"horizon": "PT7H30M", "prior": "2020-12-31T18:00:00Z"},
    examples={
        "one": {"connection": f"{HOST}:1:3", "value": 300} | _PERIOD,
        "groups": _two_groups(300) | _PERIOD,
    },
)
NEW_PRICES = Message(
    entity=MARKET,
    units=PRICES,
    needs=("start", "duration"),
    values=True,
    recorded={"horizon": "PT35H", "prior": "2020-12-31T13:00:00+01:00"},
    examples={
        "a day": {
            "market": f"{HOST}:epex_da",
            "values": [
                *(52.37, 51.14, 49.09, 48.35, 48.47, 49.98, 58.7, 67.76, 69.21, 70.26, 70.46, 70),
                *(70.7, 70.41, 70, 64.53, 65.92, 69.72, 70.51, 75.49, 70.35, 70.01, 66.98, 58.61),
            ],
            "start": "2021-01-01T00:00:00+01:00",
            "duration": "PT24H",
            "unit": "EUR/MWh",
        }
    },
)
NEW_WEATHER = Message(
    entity=SENSOR,
    units=WEATHER_UNITS,
    needs=("start", "duration"),
    values=True,
    recorded={"horizon": "PT4H30M", "prior": "2021-01-01T12:00:00+09:00"},
    examples={
        "groups": {
            "groups": [{"sensor": ADDRESSES[SENSOR], "values": [20.04, 20.23, 20.41, 20.51, 20.55, 20.57]}],
            "start": "2021-01-01T15:00:00+09:00",
            "duration": "PT1H30M",
            "unit": "°C",
        }
    },
)
DEVICE_MESSAGE = Message(
    entity=EVENT,
    takes=("duration",),
    gives=_read(EVENT),
    examples={"six hours": {"event": ADDRESSES[EVENT]}},
)
_STATE = {"value": 12.1, "unit": "kWh", "datetime": "2015-06-02T10:00:00+00:00"}
STATE = Message(
    entity=EVENT,
    units=STATE_OF_CHARGE,
    needs=("datetime", "value"),
    takes=("targets",),
    examples={
        "state": {"event": ADDRESSES[EVENT]} | _STATE,
        "targets": {"event": f"{HOST}:7:10:204:{SOC_WITH_TARGETS}"}
        | _STATE
        | {"targets": [{"value": 25, "datetime": "2015-06-02T16:00:00+00:00"}]},
    },
)
