"""The services of messages, a row each: a version lists those that it has, in the order of getService."""

from __future__ import annotations

from dataclasses import replace

from flexmeasures_api.blueprint import USEF_ROLES, Handler, Service
from flexmeasures_api.openapi import examples
from flexmeasures_api.openapi.messages import Message
from flexmeasures_api.services.connections import get_connection
from flexmeasures_api.services.flexibility import get_device_message, post_udi_event
from flexmeasures_api.services.get_data import get_meter_data, get_prognosis, get_prognosis_with_quantiles
from flexmeasures_api.services.post_data import (
    post_meter_data,
    post_price_data,
    post_prognosis,
    post_weather_data,
)

FLEXIBILITY_ROLES = ("Prosumer", "ESCo")


def _get(
    name: str, description: str, handler: Handler, message: Message, access: tuple[str, ...] = USEF_ROLES
) -> Service:
    return Service(name=name, access=access, description=description, handler=handler, message=message)


def _post(
    name: str, description: str, handler: Handler, message: Message, access: tuple[str, ...] = USEF_ROLES
) -> Service:
    return replace(_get(name, description, handler, message, access), methods=("POST",))


def resource(name: str, description: str, access: tuple[str, ...] = ()) -> Service:
    """A resource that a blueprint of its own serves; access () is for whoever may see the thing itself."""
    return Service(name=name, access=access, description=description)


GET_CONNECTION = _get(
    "getConnection", "Request entity addresses of connections", get_connection, examples.CONNECTIONS
)
GET_METER_DATA = _get("getMeterData", "Request meter reading", get_meter_data, examples.METER_DATA)
GET_OR_POST_FOR_METER_DATA = replace(GET_METER_DATA, methods=("GET", "POST"))
POST_METER_DATA = _post("postMeterData", "Send meter reading", post_meter_data, examples.NEW_METER_DATA)
GET_PROGNOSIS = _get("getPrognosis", "Request prognosis", get_prognosis, examples.PROGNOSES)
GET_PROGNOSIS_WITH_QUANTILES = replace(
    GET_PROGNOSIS, handler=get_prognosis_with_quantiles, message=examples.PROGNOSES_WITH_QUANTILES
)
POST_PROGNOSIS = _post("postPrognosis", "Send prognosis", post_prognosis, examples.NEW_PROGNOSES)
POST_PRICE_DATA = _post("postPriceData", "Send prices", post_price_data, examples.NEW_PRICES)
POST_WEATHER_DATA = _post(
    "postWeatherData", "Send weather measurements and forecasts", post_weather_data, examples.NEW_WEATHER
)
GET_DEVICE_MESSAGE = _get(
    "getDeviceMessage",
    "Request the plan of a flexible device",
    get_device_message,
    examples.DEVICE_MESSAGE,
    FLEXIBILITY_ROLES,
)
POST_UDI_EVENT = _post(
    "postUdiEvent",
    "Send the state of a flexible device",
    post_udi_event,
    examples.STATE,
    FLEXIBILITY_ROLES,
)

DATA_WITH_QUANTILES = (
    GET_CONNECTION,
    GET_METER_DATA,
    POST_METER_DATA,
    GET_PROGNOSIS_WITH_QUANTILES,
    POST_PROGNOSIS,
    POST_PRICE_DATA,
    POST_WEATHER_DATA,
)
DATA = (
    GET_CONNECTION,
    GET_METER_DATA,
    POST_METER_DATA,
    GET_PROGNOSIS,
    POST_PROGNOSIS,
    POST_PRICE_DATA,
    POST_WEATHER_DATA,
)
FLEXIBILITY = (GET_DEVICE_MESSAGE, POST_UDI_EVENT)
