"""For operations: a ping, and when tasks (imports, scripts) ran last."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, Response, current_app, request

from flexmeasures.data.transactional import report_task_run
from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import LatestTaskRun
from flexmeasures.timing import iso_time, parse_time
from flexmeasures_api.blueprint import refused
from flexmeasures_api.messages.access import check_role, check_size, require_user
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused
from flexmeasures_api.openapi.operations import described, json_object

blueprint = Blueprint("api_ops", __name__, url_prefix="/api/ops")

TASK_RUNNER = "task-runner"
DEFAULT_FREQUENCY = 10  # minutes


TEXT = {"type": "string"}
TASK = json_object(
    ("status", "reason", "lastrun", "frequency", "process", "server"),
    status={"type": "string", "enum": ["OK", "ERROR"]},
    reason=TEXT,
    lastrun=TEXT | {"description": "ISO 8601; empty when there is none."},
    frequency={"type": "integer", "description": "Minutes between two runs, as expected."},
    process=TEXT,
    server=TEXT,
)
RUN = json_object(
    ("name",),
    name=TEXT | {"minLength": 1, "maxLength": 80},
    status=TEXT | {"enum": ["True", "False"]},
    datetime=TEXT | {"format": "date-time", "description": "When it ran; now, if not said."},
)


@blueprint.get("/ping")
@described(
    public=True, answers={200: json_object(("message", "status"), message=TEXT, status={"type": "integer"})}
)
def ping() -> Response:
    """Public: the server answers."""
    return answer({"message": "ok", "status": 200})


@blueprint.get("/getLatestTaskRun")
@described(
    description="The header of tokens carries FLEXMEASURES_TASK_CHECK_AUTH_TOKEN here, and no user's token.",
    query=[{"name": "name", "in": "query", "required": True, "schema": TEXT, "description": "Of the task."}],
    examples={"one": {"name": "import-prices"}},
    answers=dict.fromkeys((200, 400, 401, 403, 404), TASK),
)
def get_latest_task_run() -> Response:
    """When a task ran last and whether it succeeded, for who sends FLEXMEASURES_TASK_CHECK_AUTH_TOKEN."""
    header = current_app.config["SECURITY_TOKEN_AUTHENTICATION_HEADER"]
    sent, expected = request.headers.get(header), current_app.config["FLEXMEASURES_TASK_CHECK_AUTH_TOKEN"]
    if sent is None:
        return _task_answer("ERROR", f"Not authorized: the header {header} is missing.", 401)
    if not expected or not hmac.compare_digest(sent.encode(), str(expected).encode()):
        return _task_answer("ERROR", "Not authorized: the token is wrong.", 403)
    name = request.args.get("name")
    if not name:
        return _task_answer("ERROR", "name is missing. Accepted: the name of a task.", 400)
    run = None if "\0" in name else db.session.get(LatestTaskRun, name)
    if run is None:
        return _task_answer("ERROR", f"Task {name[:80]} has no run yet.", 404, name)
    reason = "" if run.status else "Task has failed."
    return _task_answer("OK" if run.status else "ERROR", reason, 200, name, iso_time(run.datetime))


def _task_answer(status: str, reason: str, http: int, name: str = "", lastrun: str = "") -> Response:
    frequency = current_app.config.get(f"MONITOR_FREQUENCY_{name.upper()}", DEFAULT_FREQUENCY)
    body: dict[str, Any] = {
        "status": status,
        "reason": reason,
        "lastrun": lastrun,
        "frequency": int(frequency),
        "process": "FlexMeasures",
        "server": str(current_app.config.get("FLEXMEASURES_MODE") or ""),
    }
    return answer(body, http)


@blueprint.post("/postLatestTaskRun")
@described(
    body=RUN,
    content="application/x-www-form-urlencoded",
    examples={"success": {"name": "import-prices", "status": "True"}},
    answers={
        200: json_object(("status",), status={"type": "string", "enum": ["OK"]}),
        400: json_object(("status", "reason"), status={"type": "string", "enum": ["ERROR"]}, reason=TEXT),
    },
    refusals=(403, 413),
)
def post_latest_task_run() -> Response:
    """Note a run of a task; form fields name, status ("True" for success) and datetime. For the role task-runner."""
    try:
        check_size(request)
        check_role(require_user(), (TASK_RUNNER,))
    except Refused as refusal:
        return refused(refusal)
    name = request.form.get("name", "")
    if not name or len(name) > 80 or not name.isprintable():
        return answer(
            {"status": "ERROR", "reason": "name is missing or none. Accepted: 1 to 80 letters."}, 400
        )
    try:
        at = parse_time(request.form["datetime"], "datetime") if request.form.get("datetime") else None
    except InputError as error:
        return answer({"status": "ERROR", "reason": str(error)}, 400)
    report_task_run(name, request.form.get("status") == "True", at)
    return answer({"status": "OK"})
