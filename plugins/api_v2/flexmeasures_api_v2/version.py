"""The declaration of v2.0: its services, rolling recording times, and events with targets solved by jobs."""

from __future__ import annotations

from flexmeasures_api.connections import get_connection
from flexmeasures_api.flexibility import SOC, SOC_WITH_TARGETS, get_device_message, post_udi_event
from flexmeasures_api.get_data import get_meter_data, get_prognosis
from flexmeasures_api.post_data import post_meter_data, post_price_data, post_prognosis, post_weather_data
from flexmeasures_api.times import RollingTiming
from flexmeasures_api.versions import USEF_ROLES, FlexibilityRules, Handler, Service, Version


def _get(name: str, description: str, handler: Handler, access: tuple[str, ...] = USEF_ROLES) -> Service:
    return Service(name=name, access=access, description=description, handler=handler)


def _post(name: str, description: str, handler: Handler, access: tuple[str, ...] = USEF_ROLES) -> Service:
    return Service(name=name, access=access, description=description, handler=handler, methods=("POST",))


def _resource(name: str, description: str, access: tuple[str, ...] = ()) -> Service:
    """A resource that a blueprint of its own serves; access () is for whoever may see the thing itself."""
    return Service(name=name, access=access, description=description)


FLEXIBILITY_ROLES = ("Prosumer", "ESCo")

V2_0 = Version(
    name="v2_0",
    number="2.0",
    timing=RollingTiming(),
    flexibility=FlexibilityRules(
        event_types=(SOC, SOC_WITH_TARGETS),
        asset_types=("battery", "one-way_evse", "two-way_evse"),
    ),
    services=(
        _get("getConnection", "Request entity addresses of connections", get_connection),
        _get("getMeterData", "Request meter reading", get_meter_data),
        _post("postMeterData", "Send meter reading", post_meter_data),
        _get("getPrognosis", "Request prognosis", get_prognosis),
        _post("postPrognosis", "Send prognosis", post_prognosis),
        _post("postPriceData", "Send prices", post_price_data),
        _post("postWeatherData", "Send weather measurements and forecasts", post_weather_data),
        _get(
            "getDeviceMessage", "Request the plan of a flexible device", get_device_message, FLEXIBILITY_ROLES
        ),
        _post("postUdiEvent", "Send the state of a flexible device", post_udi_event, FLEXIBILITY_ROLES),
        _resource("GET /assets", "List assets"),
        _resource("POST /assets", "Create an asset", ("admin",)),
        _resource("GET /asset/<id>", "Get an asset"),
        _resource("PATCH /asset/<id>", "Change fields of an asset"),
        _resource("DELETE /asset/<id>", "Delete an asset with its data"),
    ),
)
