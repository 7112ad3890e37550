"""How good the forecasts of an asset were, by source and horizon."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields

from flexmeasures.models import Asset, User
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.openapi.operations import described
from flexmeasures_api.resources import answers_user, thing_of, unprocessable
from flexmeasures_forecasting import HORIZONS, scores
from flexmeasures_master_data import AwareTime, Duration

blueprint = Blueprint("api_v2_0_accuracy", __name__, url_prefix="/api/v2_0")

LONGEST = timedelta(days=366)


class AccuracyQuery(Schema):
    """The query string of GET /asset/<id>/accuracy; horizon: default 1, 6, 24 and 48 hours."""

    class Meta:
        unknown = EXCLUDE

    start = AwareTime(required=True)
    end = AwareTime(required=True)
    horizon = Duration(load_default=None)


class ScoreSchema(Schema):
    """How good one source was, as known one horizon ahead; null where there is nothing to tell it from."""

    source = fields.String(attribute="source.description")
    source_id = fields.Integer(attribute="source.id")
    horizon = Duration()
    n = fields.Integer()
    mae = fields.Float()
    rmse = fields.Float()
    bias = fields.Float()
    mape = fields.Float(allow_none=True)
    wape = fields.Float(allow_none=True)
    one_minus_wape = fields.Float(allow_none=True)
    skill_naive = fields.Float(allow_none=True)
    skill_seasonal = fields.Float(allow_none=True)
    pinball = fields.Float(allow_none=True)
    coverage = fields.Float(allow_none=True)


@blueprint.get("/asset/<asset_id>/accuracy")
@described(
    query=AccuracyQuery(),
    examples={
        "a week, six hours ahead": {
            "start": "2015-06-01T00:00:00+00:00",
            "end": "2015-06-08T00:00:00+00:00",
            "horizon": "PT6H",
        }
    },
    answers={200: ScoreSchema(many=True)},
    refusals=(400, 403, 404, 422),
)
@answers_user
def asset_accuracy(user: User, asset_id: str) -> Response:
    """MAE, WAPE and more of what each source had said of the asset's power, over events of a year at most."""
    asset = thing_of(Asset, user, asset_id, "read")
    try:
        wanted: dict[str, Any] = AccuracyQuery().load(request.args)
        if not timedelta(0) < wanted["end"] - wanted["start"] <= LONGEST:
            text = f"Must be later than start, by {LONGEST.days} days at most."
            raise ValidationError(text, "end")
    except ValidationError as error:
        raise unprocessable("querystring", error) from None
    horizons = HORIZONS if wanted["horizon"] is None else (wanted["horizon"],)
    found = scores(asset, wanted["start"], wanted["end"], horizons)
    return answer(ScoreSchema(many=True).dump(found))
