"""What a version of the API is: a small declaration of its services and rules, and the blueprint made of it.

A version's plugin states a `Version`; the endpoint functions of this library take everything in which
versions differ from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, request

from flexmeasures_api.deprecation import deprecated_since
from flexmeasures_api.hookspecs import ApiVersion
from flexmeasures_api.messages.access import check_role, check_size, require_user
from flexmeasures_api.messages.parsing import check_keys, read_message
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused, processed
from flexmeasures_api.messages.times import TimingRules
from flexmeasures_api.openapi import docs_page
from flexmeasures_api.openapi.messages import Message, describe
from flexmeasures_api.openapi.operations import described, describing, json_object

if TYPE_CHECKING:
    from flexmeasures.models import User

_LISTING = described(
    summary="List the services of this version.",
    description="With access those of a role.",
    public=True,
    tag="version",
    query=[{"name": "access", "in": "query", "schema": {"type": "string"}, "description": "A role."}],
    examples={"of a role": {"access": "Prosumer"}},
    answers={
        200: json_object(
            ("type", "version", "services", "status", "message"),
            type={"type": "string"},
            version={"type": "string"},
            services={
                "type": "array",
                "items": json_object(
                    ("name", "access", "description"),
                    name={"type": "string"},
                    access={"type": "array", "items": {"type": "string"}},
                    description={"type": "string"},
                ),
            },
            status={"type": "string"},
            message={"type": "string"},
        )
    },
    refusals=(400,),
)
USEF_ROLES = ("Aggregator", "Supplier", "MDC", "DSO", "Prosumer", "ESCo")


@dataclass(frozen=True)
class Call:
    """One authorised request: the version, the service, who asks, and the keys of the message."""

    version: Version
    service: Service
    user: User
    message: dict[str, Any]

    @property
    def play(self) -> bool:
        """Whether the server is set up for simulations."""
        return str(current_app.config.get("FLEXMEASURES_MODE", "")) == "play"

    @property
    def max_values(self) -> int:
        """Most values that one request may be about."""
        return int(current_app.config["FLEXMEASURES_MAX_VALUES"])

    @property
    def request_type(self) -> str:
        """What "type" of the message has to be."""
        return self.service.request_type


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service as getService lists it.

    name: as in the path, or method and path of a resource ("GET /assets"), which has no handler here.
    access: roles that may use it, beside admin. handler: gives the data of the answer, or raises Refused.
    message: what it takes and gives, for the OpenAPI document.
    """

    name: str
    access: tuple[str, ...]
    description: str
    handler: Handler | None = None
    methods: tuple[str, ...] = ("GET",)
    message: Message = field(default_factory=Message)

    @property
    def request_type(self) -> str:
        """What "type" of its messages has to be."""
        return f"{_capitalised(self.name)}Request"

    @property
    def response_type(self) -> str:
        """The "type" of its answers."""
        return f"{_capitalised(self.name)}Response"


@dataclass(frozen=True, kw_only=True)
class FlexibilityRules:
    """How a version handles UDI events: which types of event and of asset, and how long a device message is.

    by_job: an event asks for a job, whose plan is the device message; otherwise the plan is made when it is
    asked for. later_only: the datetime of an event has to be after that of the device's last one. wishes:
    events may ask for more (the keys of flexmeasures_scheduling.Flexibility, and a kind of target).
    """

    event_types: tuple[str, ...]
    asset_types: tuple[str, ...]
    default_duration: timedelta = timedelta(hours=6)
    by_job: bool = True
    later_only: bool = False
    wishes: bool = False


@dataclass(frozen=True, kw_only=True)
class Version:
    """The declaration of a version: name is its path segment (v2_0), number what getService says (2.0).

    simplified_addresses: connections may be written without their domain. forecasts_from_prognoses: prognoses
    recorded after the fact ask for forecasts. tells_warnings: what is in doubt stands under the key warnings of
    answers, otherwise in their message. successor: name of the version to use instead.
    """

    name: str
    number: str
    services: tuple[Service, ...]
    timing: TimingRules
    flexibility: FlexibilityRules | None = None
    simplified_addresses: bool = False
    tells_warnings: bool = False
    forecasts_from_prognoses: bool = False
    successor: str | None = None

    def listed(self) -> ApiVersion:
        """How GET /api/ lists it."""
        return ApiVersion(name=self.name, title=f"FlexMeasures API {self.number}")

    def blueprint(self) -> Blueprint:
        """A blueprint below /api/<name> with getService and every service that has a handler."""
        blueprint = Blueprint(f"api_{self.name}", __name__, url_prefix=f"/api/{self.name}")
        blueprint.add_url_rule("/getService", "getService", _LISTING(partial(get_service, self)))
        for service in self.services:
            if service.handler is not None:
                view = describing(
                    partial(serve, self, service, service.handler), partial(describe, self, service)
                )
                blueprint.add_url_rule(f"/{service.name}", service.name, view, methods=service.methods)
        docs_page.add_to(blueprint, self)
        blueprint.after_request(partial(announce_deprecation, self))
        return blueprint


def serve(version: Version, service: Service, handler: Handler) -> Response:
    """Answer one request to a service: 413, 401, 403, then the body is read and the handler asked."""
    try:
        check_size(request)
        user = require_user()
        check_role(user, service.access)
        message = read_message(request)
        check_keys(message)
        body = handler(Call(version, service, user, message))
    except Refused as refusal:
        return refused(refusal, service.response_type)
    return answer({"type": service.response_type} | _worded(version, body))


def _worded(version: Version, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request that was processed, with its warnings where the version tells them, each once."""
    data = {key: value for key, value in body.items() if key != "warnings"}
    warnings = list(dict.fromkeys(body.get("warnings", ())))
    if version.tells_warnings:
        return processed(**data, **({"warnings": warnings} if warnings else {}))
    worded = processed(**data)
    return worded | {"message": " ".join([worded["message"], *warnings])}


def announce_deprecation(version: Version, response: Response) -> Response:
    """Say in the headers of an answer since when its version is deprecated (RFC 9745), and what succeeds it.

    The link (RFC 8288) leads to the same service of the successor, where that is installed and has it.
    """
    since = deprecated_since(version.name)
    if since is None:
        return response
    response.headers["Deprecation"] = f"@{since}"
    service = (request.endpoint or "").rpartition(".")[2]
    if f"api_{version.successor}.{service}" in current_app.view_functions:
        response.headers["Link"] = f'</api/{version.successor}/{service}>; rel="successor-version"'
    return response


def refused(refusal: Refused, response_type: str | None = None) -> Response:
    """The answer to a refused request; a 401 says how to authenticate."""
    from flexmeasures_api.errors import challenge

    headers = {"WWW-Authenticate": challenge()} if refusal.http == 401 else None
    return answer(refusal.body(response_type), refusal.http, headers)


def get_service(version: Version) -> Response:
    """Public: the services of a version; `?access=<role>` keeps those that list the role."""
    roles = request.args.getlist("access")
    services = [
        {"name": service.name, "access": service.access, "description": service.description}
        for service in version.services
        if not roles or set(roles) & set(service.access)
    ]
    if not services:
        known = sorted({role for service in version.services for role in service.access})
        text = f"access {', '.join(roles)!r} has no services. Accepted: {', '.join(known)}."
        return refused(Refused("INVALID_ROLE", text), "GetServiceResponse")
    body = {"type": "GetServiceResponse", "version": version.number} | processed(services=services)
    return answer(body)


def _capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
