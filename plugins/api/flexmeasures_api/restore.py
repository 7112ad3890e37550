"""restoreData: put a server in play mode back to a backup (documentation 14.5; made by `flexmeasures db-ops save`)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound as NoSuchPage

from flexmeasures.errors import InputError
from flexmeasures_api.blueprint import refused
from flexmeasures_api.installed import installed_versions
from flexmeasures_api.messages.access import check_role, check_size, require_user
from flexmeasures_api.messages.parsing import read_message
from flexmeasures_api.messages.responses import answer
from flexmeasures_api.messages.status_codes import Refused, processed, shown
from flexmeasures_api.openapi.operations import described, json_object
from flexmeasures_db_ops import backups

blueprint = Blueprint("api_restore", __name__, url_prefix="/api")


@blueprint.put("/restoreData")
@blueprint.put("/<version>/restoreData")
@described(
    tag="simulation",
    body=json_object(("backup",), backup={"type": "string"}),
    answers={
        200: json_object(status={"type": "string"}, message={"type": "string"}, rows={"type": "object"})
    },
    refusals=(400, 403, 404, 413),
    examples={"without values": {"backup": "demo_v0"}},
)
def restore_data(version: str | None = None) -> Response:
    """Replace sensors, types, values, schedules and jobs by those of a backup; users stay. For admins.

    The key `backup`, in body or query string, names a folder below FLEXMEASURES_DB_BACKUP_PATH. What running
    jobs compute is not stored. Refused, with nothing changed, when the owner of a sensor is not a user here.
    """
    if version is not None and version not in installed_versions():
        raise NoSuchPage(f"There is no version {shown(version)} here.")
    try:
        check_size(request)
        check_role(require_user(), ())
        name = _name()
        counts = _restore(name)
    except Refused as refusal:
        return refused(refusal)
    return answer(processed() | {"message": f"The data are those of backup {name}.", "rows": counts})


def _name() -> str:
    message = read_message(request) if request.get_data().strip() else {}
    name = request.args.get("backup", message.get("backup"))
    if name is None:
        raise Refused("NO_BACKUP", "backup is missing. Accepted: the name of a backup.")
    if not isinstance(name, str):
        raise Refused("UNRECOGNIZED_BACKUP", f"backup {shown(name)} is no name. Accepted: text.")
    return name


def _restore(name: str) -> dict[str, int]:
    try:
        return backups.load(backups.place_of(name))
    except InputError as error:  # NotFound and BadBackup are of its kind
        raise Refused("UNRECOGNIZED_BACKUP", str(error)) from None
