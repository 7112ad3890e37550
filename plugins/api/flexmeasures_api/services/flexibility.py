"""postUdiEvent and getDeviceMessage: the state and wishes of a flexible device, and the plan made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from flask import current_app

import flexmeasures_scheduling as scheduling
from flexmeasures.db import writing
from flexmeasures.errors import AlgorithmError, InputError, UnknownPrices
from flexmeasures.models import Asset
from flexmeasures.timing import floor_time, iso_duration, iso_time, parse_duration, server_now
from flexmeasures_api.blueprint import Call, FlexibilityRules
from flexmeasures_api.messages import addresses, sensors
from flexmeasures_api.messages.addresses import EventAddress
from flexmeasures_api.messages.parsing import KEYS, check_type, read_groups, read_number
from flexmeasures_api.messages.status_codes import Refused, shown
from flexmeasures_api.messages.times import NOTHING, moment
from flexmeasures_api.messages.units import POWER, STATE_OF_CHARGE, required_unit, to_mwh
from flexmeasures_api.openapi.messages import SOC_WITH_TARGETS
from flexmeasures_api.services.get_data import merged
from flexmeasures_master_data import plausibility
from flexmeasures_scheduling import TARGET_KINDS, Target, check_flexibility

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

STORAGE_TYPES = ("battery", "one-way_evse", "two-way_evse")
DEFAULT_PLANNING_HORIZON = timedelta(hours=48)
SHORTEST_PLAN = timedelta(hours=24)  # of plans that are made on request


@dataclass(frozen=True)
class Plan:
    """The part of a plan that answers a request: power in MW, one a slot from `start` on, consumption positive.

    warnings: what the user should know of it.
    """

    start: datetime
    resolution: timedelta
    values: Floats
    warnings: Sequence[str] = ()


# -- postUdiEvent --------------------------------------------------------------------------------------


def post_udi_event(call: Call) -> dict[str, Any]:
    """Take the state of charge (and targets) of a device, and ask for one schedule; answers before it exists."""
    message = call.message
    check_type(message, call.request_type)
    unit = required_unit(message, "state of charge", STATE_OF_CHARGE)
    at = moment(message.get("datetime"), "datetime", "INVALID_DATETIME")
    address = _event_of(message)
    _check_event_type(_rules(call), address)
    with writing():
        asset = _device(call, address, "update")
        if not call.play:
            check_order(asset, address.event_id, at, _rules(call).later_only)
        soc = to_mwh(read_number(message.get("value"), "value"), unit)
        targets: list[Target] = []
        if address.event_type == SOC_WITH_TARGETS:
            targets = _targets(message, unit, at, asset.event_resolution, _rules(call).wishes)
        wishes = _wishes(message, asset) if _rules(call).wishes else {}
        doubts = {"warnings": plausibility.state(asset, soc, [target.value for target in targets])}
        if not _rules(call).by_job:
            scheduling.record_state(asset, address.event_id, soc, at)
            return doubts
        try:
            scheduling.trigger_schedule(asset, address.event_id, address.event_type, soc, at, targets, wishes)
        except AlgorithmError as error:
            raise Refused("UNKNOWN_SCHEDULE", f"No schedule can be made: {error}") from None
    return doubts


def _event_of(message: dict[str, Any]) -> EventAddress:
    raw = message.get("event", message.get("events"))
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    if raw is None or raw == "":
        raise Refused("INVALID_DOMAIN", "event is missing. Accepted: the address of one event.")
    return addresses.event(raw)


def _rules(call: Call) -> FlexibilityRules:
    rules = call.version.flexibility
    if rules is None:
        raise RuntimeError(f"{call.version.name} declares {call.service.name}, but no rules of flexibility.")
    return rules


def _check_event_type(rules: FlexibilityRules, address: EventAddress) -> None:
    if address.event_type not in rules.event_types:
        accepted = ", ".join(rules.event_types)
        text = f"The event type {shown(address.event_type)} is not known. Accepted: {accepted}."
        raise Refused("UNRECOGNIZED_UDI_EVENT", text)


def _device(call: Call, address: EventAddress, action: str) -> Asset:
    """The asset of an event: accessible (UNRECOGNIZED_CONNECTION_GROUP) and of a type with events (INVALID_DOMAIN).

    To update it, it is locked, so that events that come at the same time are judged one after the other.
    """
    assets = sensors.assets_by_id([address.asset_id], locked=action == "update")
    sensors.check_access(call.user, [address.asset_id], assets, action)
    asset = assets[address.asset_id]
    accepted = _rules(call).asset_types
    if asset.type_name not in accepted:
        text = f"Asset {asset.id} is of type {asset.type_name!r}, which has no such events."
        raise Refused("INVALID_DOMAIN", f"{text} Accepted: {', '.join(accepted)}.")
    return asset


def check_order(asset: Asset, event_id: int, at: datetime, later_only: bool = False) -> None:
    """The datetime of a device's events never decreases (later_only: always increases), their id always increases."""
    last = asset.soc_datetime
    if last is not None and (at < last or (later_only and at == last)):
        text = f"datetime {iso_time(at)} is not after the device's last known one."
        accepted = "later than " if later_only else ""
        since = "" if later_only else " or later"
        raise Refused("INVALID_DATETIME", f"{text} Accepted: {accepted}{iso_time(last, like=at)}{since}.")
    if asset.soc_udi_event_id is not None and event_id <= asset.soc_udi_event_id:
        text = f"The event id {event_id} is not above the device's last one."
        raise Refused("OUTDATED_UDI_EVENT", f"{text} Accepted: {asset.soc_udi_event_id + 1} or higher.")


def read_wishes(message: dict[str, Any]) -> dict[str, Any]:
    """What the message asks of its schedule beyond state and targets; Refused for what is not understood."""
    for key in message.keys() - KEYS - set(scheduling.KEYS):
        if near := get_close_matches(str(key).lower(), scheduling.KEYS, 1, cutoff=0.85):
            raise _not_understood(str(key), f"{shown(key)} is no key of events. Did you mean {near[0]!r}?")
    wishes = {key: message[key] for key in scheduling.KEYS if message.get(key) is not None}
    try:
        scheduling.read_flexibility(wishes)
    except InputError as error:
        raise _not_understood(str(error.field), str(error)) from None
    return wishes


def _wishes(message: dict[str, Any], asset: Asset) -> dict[str, Any]:
    """What the message asks, where the sensors that it names are open to the asset's owner."""
    wishes = read_wishes(message)
    try:
        check_flexibility(wishes, asset.owner, asset.market)
    except InputError as error:
        raise _not_understood(str(error.field), str(error)) from None
    return wishes


def _not_understood(key: str, text: str) -> Refused:
    return Refused("UNPROCESSABLE_ENTITY", {"json": {key[:100]: [text]}})


def _targets(
    message: dict[str, Any], unit: str, at: datetime, resolution: timedelta, wishes: bool
) -> list[Target]:
    """The targets in MWh; each after the event's datetime and within the planning horizon.

    wishes: whether targets may say of which kind they are; otherwise all are exact.
    """
    items = message.get("targets")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        accepted = "a list of objects with 'value' and 'datetime'"
        raise Refused("INCOMPLETE_UDI_EVENT", f"targets are missing or not understood. Accepted: {accepted}.")
    targets = []
    for k, item in enumerate(items):
        value = to_mwh(read_number(item.get("value"), f"targets[{k}].value"), unit)
        when = moment(item.get("datetime"), f"targets[{k}].datetime", "INVALID_DATETIME")
        check_target_time(f"targets[{k}].datetime", when, at, resolution)
        targets.append(Target(value=value, datetime=when, kind=_kind(item, k) if wishes else "exact"))
    return targets


def check_target_time(field: str, when: datetime, at: datetime, resolution: timedelta) -> None:
    """Refused with INVALID_DATETIME unless a target is within what an event at that time lets plan."""
    latest = at + planning_horizon()
    # A target counts at the last slot boundary not later than it, which the start itself cannot be.
    if when > latest or floor_time(when, resolution) <= floor_time(at, resolution):
        accepted = f"after {iso_time(at)}, at most {iso_time(latest)}, and {iso_duration(resolution)} apart"
        text = f"{field} {iso_time(when)} is outside of what is planned. Accepted: {accepted}."
        raise Refused("INVALID_DATETIME", text)


def _kind(item: dict[str, Any], index: int) -> str:
    kind = item.get("kind", TARGET_KINDS[0])
    if kind not in TARGET_KINDS:
        text = f"targets[{index}].kind is {shown(kind)}. Accepted: {', '.join(TARGET_KINDS)}."
        raise _not_understood(f"targets[{index}].kind", text)
    return str(kind)


def planning_horizon() -> timedelta:
    """FLEXMEASURES_PLANNING_HORIZON, how far ahead schedules are made."""
    horizon = current_app.config.get("FLEXMEASURES_PLANNING_HORIZON")
    return horizon if isinstance(horizon, timedelta) else DEFAULT_PLANNING_HORIZON


# -- getDeviceMessage ----------------------------------------------------------------------------------


def get_device_message(call: Call) -> dict[str, Any]:
    """The planned power of a device from its event on: MW, one a slot, consumption positive.

    What is longer than the plan is cut; the answer's duration tells what is covered.
    """
    check_type(call.message, call.request_type)
    names = [name for group in read_groups(call.message, "event") for name in group.names]
    duration = _duration(call)
    plans = [_plan(call, addresses.event(name), duration) for name in names]
    body = merged([(name, plan.values) for name, plan in zip(names, plans, strict=True)], "event")
    windows = [_window(plan) for plan in plans]
    noted = {"warnings": [text for plan in plans for text in plan.warnings]}
    if all(window == windows[0] for window in windows):
        return body | windows[0] | {"unit": POWER[0]} | noted
    # Events that were planned over different windows cannot share their start and duration.
    groups = [
        {"event": name, "values": plan.values} | window
        for name, plan, window in zip(names, plans, windows, strict=True)
    ]
    return {"groups": groups, "unit": POWER[0]} | noted


def _duration(call: Call) -> timedelta:
    text = call.message.get("duration")
    if text is None:
        return _rules(call).default_duration
    try:
        duration = parse_duration(text, server_now())
    except InputError as error:
        raise _wrong_duration(str(error)) from None
    if duration <= NOTHING:
        raise _wrong_duration(f"duration {shown(text)} is not positive. Accepted: one such as PT6H.")
    return min(duration, planning_horizon())


def _wrong_duration(text: str) -> Refused:
    return Refused("UNPROCESSABLE_ENTITY", {"args_and_json": {"duration": [text]}})


def _plan(call: Call, address: EventAddress, duration: timedelta) -> Plan:
    import numpy as np

    asset = _device(call, address, "read")
    _check_event_type(_rules(call), address)
    if not _rules(call).by_job:
        return _planned_now(asset, address, duration)
    try:
        schedule = scheduling.find_schedule(asset, address.event_id)
    except scheduling.UnknownSchedule as unknown:
        status = "UNKNOWN_SCHEDULE" if unknown.known else "UNRECOGNIZED_UDI_EVENT"
        raise Refused(status, str(unknown)) from None
    slots = -(-duration // schedule.resolution)
    values = np.asarray(schedule.values[:slots], dtype=np.float64)
    return Plan(schedule.start, schedule.resolution, values, schedule.warnings)


def _planned_now(asset: Asset, address: EventAddress, duration: timedelta) -> Plan:
    """A plan from the device's last event on, made within the request and not stored (v1.2)."""
    if address.event_id != asset.soc_udi_event_id or asset.soc_datetime is None:
        text = f"Event {address.event_id} is not the last one of asset {asset.id}."
        raise Refused("UNRECOGNIZED_UDI_EVENT", f"{text} Accepted: {asset.soc_udi_event_id or 'none yet'}.")
    if asset.market_id is None:
        raise Refused("INVALID_MARKET", f"Asset {asset.id} has no market, so there are no prices to plan by.")
    try:
        problem, schedule = scheduling.plan_now(asset, max(duration, SHORTEST_PLAN))
    except UnknownPrices as error:
        raise Refused("UNKNOWN_PRICES", str(error)) from None
    except AlgorithmError as error:
        raise Refused("UNKNOWN_SCHEDULE", f"No schedule can be made: {error}") from None
    return Plan(problem.start, problem.resolution, schedule.values[: -(-duration // problem.resolution)])


def _window(plan: Plan) -> dict[str, str]:
    duration = len(plan.values) * plan.resolution
    return {"start": iso_time(plan.start), "duration": iso_duration(duration)}
