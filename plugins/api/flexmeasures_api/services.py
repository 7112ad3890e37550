"""The services of messages, a row each: a version lists those that it has, in the order of getService."""

from __future__ import annotations

from dataclasses import replace

from flexmeasures_api import message_rows
from flexmeasures_api.connections import get_connection
from flexmeasures_api.flexibility import get_device_message, post_udi_event
from flexmeasures_api.get_data import get_meter_data, get_prognosis, get_prognosis_with_quantiles
from flexmeasures_api.messages import Message
from flexmeasures_api.post_data import post_meter_data, post_price_data, post_prognosis, post_weather_data
from flexmeasures_api.versions import USEF_ROLES, Handler, Service

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
    "getConnection", "Request entity addresses of connections", get_connection, message_rows.CONNECTIONS
)
GET_METER_DATA = _get("getMeterData", "Request meter reading", get_meter_data, message_rows.METER_DATA)
GET_OR_POST_FOR_METER_DATA = replace(GET_METER_DATA, methods=("GET", "POST"))
POST_METER_DATA = _post("postMeterData", "Send meter reading", post_meter_data, message_rows.NEW_METER_DATA)
GET_PROGNOSIS = _get("getPrognosis", "Request prognosis", get_prognosis, message_rows.PROGNOSES)
GET_PROGNOSIS_WITH_QUANTILES = replace(
    GET_PROGNOSIS, handler=get_prognosis_with_quantiles, message=message_rows.PROGNOSES_WITH_QUANTILES
)
POST_PROGNOSIS = _post("postPrognosis", "Send prognosis", post_prognosis, message_rows.NEW_PROGNOSES)
POST_PRICE_DATA = _post("postPriceData", "Send prices", post_price_data, message_rows.NEW_PRICES)
POST_WEATHER_DATA = _post(
    "postWeatherData", "Send weather measurements and forecasts", post_weather_data, message_rows.NEW_WEATHER
)
GET_DEVICE_MESSAGE = _get(
    "getDeviceMessage",
    "Request the plan of a flexible device",
    get_device_message,
    message_rows.DEVICE_MESSAGE,
    FLEXIBILITY_ROLES,
)
POST_UDI_EVENT = _post(
    "postUdiEvent",
    "Send the state of a flexible device",
    post_udi_event,
    message_rows.STATE,
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
