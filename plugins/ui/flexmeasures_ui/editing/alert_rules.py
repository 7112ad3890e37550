"""The form of the limits of an asset that the dashboard watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, request, url_for
from marshmallow import ValidationError
from werkzeug.wrappers import Response

import flexmeasures_master_data as master_data
from flexmeasures.db import writing
from flexmeasures.models import Asset
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_translation import gettext
from flexmeasures_ui.access import asset_or_404
from flexmeasures_ui.dashboard.rules import FIELD, RULES, rules_of
from flexmeasures_ui.editing.fields import Field, messages, typed


def edit(asset_id: int) -> str:
    """The form, with the limits that the asset has."""
    asset = asset_or_404(asset_id, "update")
    return _form(asset, rules_of(asset), {})


def update(asset_id: int) -> str | Response | tuple[str, int]:
    """Keep the limits that were typed; what is empty is watched no longer."""
    asset = asset_or_404(asset_id, "update")
    try:
        with writing() as session:
            sent = typed(_fields(), request.form)
            master_data.update_asset(session.get_one(Asset, asset.id), {FIELD: sent})
    except ValidationError as error:
        return _form(asset_or_404(asset_id, "update"), request.form, _errors(error)), 422
    flash(gettext("The limits were changed; the dashboard watches them from now on."))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def _errors(error: ValidationError) -> dict[str, str]:
    """By the key of the rule; a mapping's errors stand one level deeper than those of other fields."""
    told = error.messages_dict.get(FIELD, {})
    values = {
        key: each["value"] if isinstance(each, dict) and "value" in each else each
        for key, each in told.items()
    }
    return messages(ValidationError(values))


def _fields() -> tuple[Field, ...]:
    return tuple(
        Field(key, gettext(rule.title), help=gettext(rule.help), numeric=float, unit=rule.unit)
        for key, rule in RULES.items()
    )


def _form(asset: Asset, values: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_flexmeasures_template(
        "ui/asset_part_form.html",
        active_page="assets",
        asset=asset,
        title=gettext("Limits of %(name)s", name=asset.display_name),
        part=gettext("limits"),
        lead=gettext("The dashboard tells when the newest value is beyond one of these. All may be empty."),
        action=url_for("ui_asset_forms.update_alert_rules", asset_id=asset.id),
        fields=_fields(),
        values=values,
        errors=errors,
    )
