"""The form of what else explains an asset when it is forecast: weather nearby, and other sensors."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

import flexmeasures_forecasting as forecasting
from flexmeasures.db import writing
from flexmeasures.errors import InputError
from flexmeasures.models import Asset
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_translation import gettext
from flexmeasures_ui.access import LARGEST_ID, asset_or_404


def edit(asset_id: int) -> str:
    """The form, with what was chosen."""
    asset = asset_or_404(asset_id, "update")
    chosen = (asset.attributes or {}).get(forecasting.REGRESSORS) or {}
    return _form(asset, chosen)


def update(asset_id: int) -> str | Response | tuple[str, int]:
    """Keep the choice; what the form does not offer, such as excluded sensors by id, stays as it was."""
    asset = asset_or_404(asset_id, "update")
    before = (asset.attributes or {}).get(forecasting.REGRESSORS) or {}
    kept = [each for each in before.get("exclude", ()) if isinstance(each, int)]
    used = request.form.getlist("use")
    unused = [name for name in forecasting.usual_regressors(asset) if name not in used]
    added = [
        int(each) for each in request.form.getlist("add") if each.isdecimal() and int(each) <= LARGEST_ID
    ]
    chosen = {"add": added, "exclude": [*unused, *kept]}
    try:
        with writing() as session:
            forecasting.choose_regressors(session.get_one(Asset, asset.id), chosen)
    except InputError as error:
        return _form(asset_or_404(asset_id, "update"), chosen, str(error)), 422
    flash(gettext("The choice counts from the next forecast on."))
    return redirect(url_for("ui.asset", asset_id=asset_id), code=303)


def _form(asset: Asset, chosen: Any, error: str = "") -> str:
    return render_flexmeasures_template(
        "ui/regressors_form.html",
        active_page="assets",
        asset=asset,
        usual=forecasting.usual_regressors(asset),
        excluded=chosen.get("exclude", ()),
        added=chosen.get("add", ()),
        offered=forecasting.offered_regressors(asset),
        error=error,
    )
