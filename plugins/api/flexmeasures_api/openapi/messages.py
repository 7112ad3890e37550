"""The messages of services, for people and their tools: which keys each takes and answers, with examples.

`grammar` and the services read messages; this describes what they read. `message_rows` has one row a service.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexmeasures.models.sensors import PRICE_UNIT
from flexmeasures_api.messages.units import PRICES
from flexmeasures_api.openapi.operations import JsonSchema, Operation, json_object
from flexmeasures_scheduling import TARGET_KINDS, described

if TYPE_CHECKING:
    from flexmeasures_api.blueprint import Service, Version

SOC, SOC_WITH_TARGETS = "soc", "soc-with-targets"
HOST = "ea1.2018-06.localhost"
CONNECTION, MARKET, SENSOR, EVENT = "connection", "market", "sensor", "event"
ADDRESSES = {
    CONNECTION: f"{HOST}:1:3",
    MARKET: f"{HOST}:epex_da",
    SENSOR: f"{HOST}:temperature:33.4843866:126.477859",
    EVENT: f"{HOST}:7:10:203:soc",
}
_MEANING = {
    CONNECTION: "Address of a connection: `ea1.{YYYY-MM}.{reversed domain}:{owner id}:{asset id}`.",
    MARKET: "Address of a market: `ea1.{YYYY-MM}.{reversed domain}:{market name}`.",
    SENSOR: "Address of a weather sensor: `ea1.{YYYY-MM}.{reversed domain}:{type}:{latitude}:{longitude}`.",
    EVENT: "Address of an event: `ea1.{YYYY-MM}.{reversed domain}:{owner id}:{asset id}:{event id}:{type}`.",
}


def _text(description: str, **more: Any) -> JsonSchema:
    return {"type": "string", "description": description} | more


def _list_of(items: JsonSchema, **more: Any) -> JsonSchema:
    return {"type": "array", "items": items, "minItems": 1} | more


def _time(description: str, example: str) -> JsonSchema:
    return _text(f"{description} ISO 8601, with UTC offset.", format="date-time", example=example)


def _duration(description: str, example: str) -> JsonSchema:
    return _text(f"{description} ISO 8601 duration.", format="duration", example=example)


VALUE: JsonSchema = {"type": "number", "description": "A number, or a string that is one."}
VALUES: JsonSchema = _list_of(VALUE, description="One value a slot; they divide the duration evenly.")
KNOWN_VALUES: JsonSchema = {
    "type": "array",
    "items": {"type": "number", "nullable": True},
    "description": "One value a slot, null where nothing is known; empty when nothing at all is.",
}
QUANTILES: JsonSchema = {
    "type": "object",
    "description": "By probability, one value a slot, as `values`.",
    "additionalProperties": KNOWN_VALUES,
}
TARGETS: JsonSchema = _list_of(
    json_object(
        ("value", "datetime"),
        value=VALUE,
        datetime=_time("When it is to be reached.", "2015-06-02T16:00:00Z"),
    ),
    description="States of charge to be reached, of events of the type soc-with-targets.",
)
TARGETS_OF_KINDS: JsonSchema = TARGETS | {
    "items": TARGETS["items"]
    | {
        "properties": TARGETS["items"]["properties"]
        | {"kind": {"type": "string", "enum": list(TARGET_KINDS)}}
    }
}
WARNINGS: JsonSchema = {
    "type": "array",
    "items": {"type": "string"},
    "description": "Where there are any: what was moved, assumed, or is in doubt.",
}
_SOURCE = "role-or-user-id"
_GROUPS = "Several groups, each of one or more; in a query string one JSON list."
PLAIN_KEYS: dict[str, JsonSchema] = {
    "start": _time("Begin of the first slot.", "2021-01-01T00:00:00Z"),
    "duration": _duration("Of the whole period.", "PT1H30M"),
    "resolution": _duration("Of the answer: means over such slots.", "PT15M"),
    "horizon": _duration(
        "How long before the end of an event its value was recorded (negative: after it). Versions 1.0 to 1.3 count"
        " from the end of the posted period, and for each event when it is written as R/PT6H.",
        "PT6H",
    ),
    "prior": _time("When the values were recorded; of a GET: as known at that time.", "2020-12-31T18:00:00Z"),
    "source": _text(
        "A role, or the id of a user, whose data are asked for.", format=_SOURCE, example="Prosumer"
    ),
    "sources": _list_of(_text("A role, or the id of a user.", format=_SOURCE)),
    "quantiles": _list_of(
        {"type": "number", "minimum": 0, "maximum": 1, "exclusiveMinimum": True, "exclusiveMaximum": True},
        description="Probabilities; the answer tells below which values the outcome stays that often.",
        maxItems=20,
        example=[0.1, 0.9],
    ),
    "datetime": _time("When the device was in this state.", "2015-06-02T10:00:00Z"),
    "value": VALUE,
    "targets": TARGETS,
}


@dataclass(frozen=True, kw_only=True)
class Message:
    """What a service takes and gives beside `type`, `status` and `message`.

    entity: whose addresses it takes, None for none. units: those accepted, () for no unit. needs, takes: keys
    that have to and can be there; needs_type: `type` has to. values: it brings values of each entity. recorded:
    keys of the version's rules of recording can be there, with examples of them. examples: by name. gives: keys
    of the answer.
    """

    entity: str | None = None
    units: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    needs_type: bool = True
    values: bool = False
    recorded: dict[str, str] | None = None
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)
    gives: dict[str, JsonSchema] = field(default_factory=dict)

    def schema(self, request_type: str, keys: tuple[str, ...]) -> JsonSchema:
        """The JSON schema of the message with those plain keys, in its forms: one entity, several, groups."""
        properties: dict[str, JsonSchema] = {"type": {"type": "string", "enum": [request_type]}}
        properties |= {key: PLAIN_KEYS[key] for key in keys}
        needs = (*(("type",) if self.needs_type else ()), *self.needs)
        if self.units:
            prices = {"type": "string", "pattern": f"^{PRICE_UNIT}$", "example": PRICES[0]}
            properties["unit"] = (
                prices if self.units is PRICES else {"type": "string", "enum": list(self.units)}
            )
            needs = (*needs, "unit")
        schema = json_object(needs, **properties)
        if self.entity is not None:
            self._add_entities(schema, self.entity)
        return schema

    def _add_entities(self, schema: JsonSchema, entity: str) -> None:
        one = entity_address(entity)
        if self.only_one:
            schema["properties"][entity] = one
            schema["required"] += [entity]
            return
        fields: dict[str, JsonSchema] = {entity: one, f"{entity}s": _list_of(one)}
        forms = [[key] for key in fields]
        if self.values:
            fields |= {"value": VALUE, "values": VALUES}
            forms = [[*form, word] for form in forms for word in ("value", "values")]
        ways = [{"required": form} for form in forms]
        group: JsonSchema = {"type": "object", "properties": fields, "anyOf": ways}
        schema["properties"] |= fields | {"groups": _list_of(group, description=_GROUPS)}
        schema["anyOf"] = [*ways, {"required": ["groups"]}]

    @property
    def only_one(self) -> bool:
        """Whether it is about exactly one entity: the message of a device's state."""
        return self.entity == EVENT and "datetime" in self.needs


def entity_address(entity: str) -> JsonSchema:
    return _text(_MEANING[entity], format=f"{entity}-address", example=ADDRESSES[entity])


def describe(version: Version, service: Service, method: str) -> Operation:
    """The OpenAPI operation of a service of a version: keys in the query string of a GET, else in the body."""
    message = service.message
    keys = _keys(version, message)
    schema = message.schema(service.request_type, keys)
    if "targets" in keys and version.flexibility is not None and version.flexibility.wishes:
        schema["properties"] |= {"targets": TARGETS_OF_KINDS} | described()
    examples = {
        name: {"type": service.request_type} | _recorded(version, message, example)
        for name, example in message.examples.items()
        if "targets" not in example or "targets" in keys
    }
    return Operation(
        summary=service.description,
        description=f"{inspect.getdoc(service.handler)}\n\nRoles: {', '.join(service.access)}; and admin.",
        query=_parameters(schema) if method == "GET" else None,
        body=None if method == "GET" else schema,
        answers={200: _answer(version, service)},
        refusals=(400, 403, 413, 422),
        examples=examples,
    )


def _keys(version: Version, message: Message) -> tuple[str, ...]:
    """The plain keys of a message in a version: some know no targets, some no prior."""
    targets = version.flexibility is not None and SOC_WITH_TARGETS in version.flexibility.event_types
    takes = tuple(key for key in message.takes if key != "targets" or targets)
    return (*message.needs, *takes, *(version.timing.keys if message.recorded is not None else ()))


def _recorded(version: Version, message: Message, example: dict[str, Any]) -> dict[str, Any]:
    """An example with the key by which this version prefers to say when the values were recorded."""
    key = version.timing.keys[-1]
    return example | {key: message.recorded[key]} if message.recorded else example


def _parameters(schema: JsonSchema) -> list[JsonSchema]:
    """A message as OpenAPI parameters of the query string: lists as repeated keys, groups as JSON."""
    needed = schema.get("required", ())
    parameters = []
    for key, shape in schema["properties"].items():
        plain = {name: part for name, part in shape.items() if name != "description"}
        parameter = {"name": key, "in": "query", "required": key in needed}
        parameter |= {"description": shape["description"]} if "description" in shape else {}
        if key == "groups":
            parameter["content"] = {"application/json": {"schema": plain}}
        else:
            parameter["schema"] = plain
        parameters.append(parameter)
    return parameters


def _answer(version: Version, service: Service) -> JsonSchema:
    told = {"warnings": WARNINGS} if version.tells_warnings else {}
    doubts = (
        "" if version.tells_warnings else ", followed by what was moved or is in doubt, where there is any"
    )
    return json_object(
        ("type", "status", "message"),
        type={"type": "string", "enum": [service.response_type]},
        **service.message.gives,
        **told,
        status={"type": "string", "enum": ["PROCESSED"]},
        message=_text(f"That it was processed{doubts}."),
    )
