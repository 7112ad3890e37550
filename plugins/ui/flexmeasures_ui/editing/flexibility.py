"""The form of what an asset asks of all its schedules: efficiencies, limits, prices and wishes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug.wrappers import Response

import flexmeasures_master_data as master_data
import flexmeasures_scheduling as scheduling
from flexmeasures.db import db, writing
from flexmeasures.errors import InputError
from flexmeasures.models import Asset, Market
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_translation import gettext
from flexmeasures_ui.access import asset_or_404
from flexmeasures_ui.editing.fields import Field, messages, typed

Page = str | Response | tuple[str, int]
SWITCHES = {"true": True, "false": False}
# How units at the end of a key are written.
UNITS = {"_in_mw": ", MW", "_per_mwh": " per MWh", "_per_mw": " per MW", "_per_hour": " per hour", "_id": ""}
CYCLED = "_per_mwh_cycled"


def edit(asset_id: int) -> str:
    """The form, with what the asset asks now."""
    asset = asset_or_404(asset_id, "update")
    return _form(asset, {key: _written(value) for key, value in asked_by(asset).items()}, {})


def update(asset_id: int) -> Page:
    """Let the asset ask what was typed; what is empty is asked no longer, what the form does not have stays."""
    asset = asset_or_404(asset_id, "update")
    fields = fields_of_flexibility()
    names = {field.name for field in fields}
    kept = {key: value for key, value in asked_by(asset).items() if key not in names}
    sent = {key: SWITCHES.get(value, value) for key, value in typed(fields, request.form).items()}
    try:
        scheduling.read_flexibility(sent)
        with writing() as session:
            master_data.update_asset(session.get_one(Asset, asset.id), {scheduling.ATTRIBUTE: kept | sent})
    except InputError as error:
        return _form(asset, request.form, {error.field or "": str(error)}), 422
    except ValidationError as error:
        return _form(asset, request.form, messages(error)), 422
    flash(gettext("The flexibility was changed; it counts from the next schedule on."))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def asked_by(asset: Asset) -> dict[str, Any]:
    """What the asset asks of its schedules, by key."""
    return dict((asset.attributes or {}).get(scheduling.ATTRIBUTE) or {})


def title(key: str) -> str:
    """A key as people read it: "Charge limit, MW" of charge_limit_in_mw."""
    if key.endswith(CYCLED):
        key = f"{key.removesuffix(CYCLED)}_per_mwh"
    for end, unit in UNITS.items():
        if key.endswith(end):
            key = key.removesuffix(end) + unit
            break
    words = key.replace("_", " ").replace("co2", "CO2")
    return words[:1].upper() + words[1:]


def fields_of_flexibility() -> tuple[Field, ...]:
    """A field for each key but those that name a sensor that is no market."""
    markets = db.session.execute(select(Market.id, Market.display_name).order_by(Market.display_name))
    offered = (("", gettext("(not stated)")), *((str(number), name) for number, name in markets))
    switch = (("", gettext("(not stated)")), ("true", gettext("yes")), ("false", gettext("no")))
    found = []
    for key, schema in scheduling.described().items():
        label, meaning = gettext(title(key)), schema["description"]
        meaning = gettext(meaning)
        if key in scheduling.MARKET_KEYS:
            found.append(Field(key, label, "select", meaning, offered, numeric=int))
        elif schema["type"] == "boolean":
            found.append(Field(key, label, "select", meaning, switch))
        elif key not in scheduling.SENSOR_KEYS:
            found.append(
                Field(key, label, help=meaning, numeric=float, unit="MW" if key.endswith("_in_mw") else "")
            )
    return tuple(found)


def _form(asset: Asset, values: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_flexmeasures_template(
        "ui/asset_part_form.html",
        active_page="assets",
        asset=asset,
        title=gettext("Flexibility of %(name)s", name=asset.display_name),
        part=gettext("flexibility"),
        lead=gettext(
            "What all schedules of this asset heed, unless an event asks otherwise. Nothing has to be filled in."
        ),
        action=url_for("ui_asset_forms.update_flexibility", asset_id=asset.id),
        fields=fields_of_flexibility(),
        values=values,
        errors=errors,
    )


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
