"""The declaration of v2.0: its services, rolling recording times, and events with targets solved by jobs."""

from __future__ import annotations

from flexmeasures_api.blueprint import FlexibilityRules, Version
from flexmeasures_api.messages.times import RollingTiming
from flexmeasures_api.openapi.messages import SOC, SOC_WITH_TARGETS
from flexmeasures_api.services.catalogue import DATA_WITH_QUANTILES, FLEXIBILITY, resource
from flexmeasures_api.services.flexibility import STORAGE_TYPES

V2_0 = Version(
    name="v2_0",
    number="2.0",
    timing=RollingTiming(),
    tells_warnings=True,
    flexibility=FlexibilityRules(event_types=(SOC, SOC_WITH_TARGETS), asset_types=STORAGE_TYPES, wishes=True),
    services=(
        *DATA_WITH_QUANTILES,
        *FLEXIBILITY,
        resource("GET /assets", "List assets"),
        resource("POST /assets", "Create an asset", ("admin",)),
        resource("GET /asset/<id>", "Get an asset"),
        resource("PATCH /asset/<id>", "Change fields of an asset"),
        resource("DELETE /asset/<id>", "Delete an asset with its data"),
        resource("GET /asset/<id>/schedule/<event_id>", "Explain a schedule"),
        resource("POST /asset/<id>/schedule/<event_id>/what-if", "Ask what a schedule would cost otherwise"),
        resource("GET /asset/<id>/accuracy", "Tell how good the forecasts of an asset were"),
        resource("POST /site/<id>/event", "Send the states of a site's devices, to be planned together"),
        resource("GET /users", "List users", ("admin",)),
        resource("GET /user/<id>", "Get a user"),
        resource("PATCH /user/<id>", "Change fields of a user"),
        resource("PATCH /user/<id>/password-reset", "Reset a user's password", ("admin",)),
        resource("GET /charts/power", "Get a chart of power", ("admin", "Prosumer")),
    ),
)
