"""The resource `tariffs` of version 2.0 of the API: list, get, put."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy import select
from werkzeug.exceptions import NotFound

from flexmeasures.db import db, writing
from flexmeasures.models import Market, User
from flexmeasures_api.messages.access import check_role
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import shown as shown_text
from flexmeasures_api.openapi.operations import described
from flexmeasures_api.resources import answers_user, body, validated
from flexmeasures_tariffs.computing import all_tariffs
from flexmeasures_tariffs.job import enqueue_tariff
from flexmeasures_tariffs.managing import put_tariff
from flexmeasures_tariffs.schema import NamelessTariffSchema, TariffSchema, shown, tariff_of

blueprint = Blueprint("api_v2_0_tariffs", __name__, url_prefix="/api/v2_0")

EXAMPLE = {
    "name": "home",
    "unit": "EUR/MWh",
    "timezone": "Europe/Amsterdam",
    "versions": [
        {
            "from": "2015-01-01",
            "vat": 0.21,
            "parts": [
                {"name": "day-ahead price", "market": "epex_da"},
                {"name": "energy tax", "price": 101.54},
            ],
        }
    ],
}


@blueprint.get("/tariffs")
@described(answers={200: {"type": "array", "items": {"type": "object"}}})
@answers_user
def get_tariffs(user: User) -> Response:
    """List all tariffs, with their versions and parts."""
    del user
    return answer([_dumped(*each) for each in all_tariffs()])


@blueprint.get("/tariff/<name>")
@described(answers={200: TariffSchema()}, refusals=(404,))
@answers_user
def get_tariff(user: User, name: str) -> Response:
    """Get a tariff by its name."""
    del user
    market = db.session.scalar(select(Market).where(Market.name == name))
    tariff = None if market is None else tariff_of(market)
    if market is None or tariff is None:
        raise NotFound(f"Tariff {shown_text(name)} not found.")
    return answer(_dumped(market, tariff))


@blueprint.put("/tariff/<name>")
@described(
    body=NamelessTariffSchema(),
    examples={"home": {key: value for key, value in EXAMPLE.items() if key != "name"}},
    answers={200: TariffSchema()},
    refusals=(400, 403, 413, 422),
)
@answers_user
def put_tariff_by_name(user: User, name: str) -> Response:
    """Make a tariff, or change its versions (admins). A job then computes its prices.

    A version that takes the place of another applies from its day on; its prices count as known from now on.
    """
    check_role(user, ("admin",))
    sent: dict[str, Any] = {key: value for key, value in body().items() if key != "id"}

    def change() -> tuple[Market, Any]:
        with writing():
            market, tariff = put_tariff(sent | {"name": name})
            enqueue_tariff(market, f"{user.username} changed it")
            return market, tariff

    return answer(_dumped(*validated(change)))


def _dumped(market: Market, tariff: Any) -> dict[str, Any]:
    return shown(market, tariff) | {"id": market.id}
