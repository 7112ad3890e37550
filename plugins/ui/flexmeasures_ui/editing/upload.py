"""/upload: a file by the readers of imports, first shown as it would be stored, then stored (contract 25.1)."""

from __future__ import annotations

import re
import secrets
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, current_app, flash, redirect, request, url_for
from sqlalchemy import select
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response

from flexmeasures import sources
from flexmeasures.auth import roles_required
from flexmeasures.db import db
from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.models import Sensor, User
from flexmeasures.timing import timezone
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.formatting import whole
from flexmeasures_charts.reader import readers_zone
from flexmeasures_ingestion import Imported, Layout, Request, read_file, store
from flexmeasures_translation import day_and_time, gettext
from flexmeasures_ui.access import LARGEST_ID, user_or_401, visible_assets
from flexmeasures_ui.editing.upload_words import Refusal, in_words, original_name, refusal
from flexmeasures_ui.headers import set_headers

ROLES = ("Prosumer",)  # and admin
SHOWN = 20  # values of the preview
KEPT_SECONDS = 3600  # so long a file waits for the second step
MOST_WAITING = 5  # files of one user
MOST_DIGITS = 6  # of the minutes between rows: a year and more
CHOICES = (
    "sensor",
    "unit",
    "sign",
    "timezone",
    "kind",
    "labels",
    "decimal",
    "date_format",
    "valuecol",
    "where",
    "resolution",
    "allow_implausible",
)
KINDS = {"": None, "register": "register", "states": "states"}
Page = str | Response | tuple[str, int]


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app, since plugins can be loaded by several apps in a process)."""
    blueprint = Blueprint("ui_upload", __name__)
    guard = roles_required(*ROLES)
    for rule, name, view, method in (
        ("/upload", "upload", upload, "GET"),
        ("/upload", "preview", preview, "POST"),
        ("/upload/store", "store_file", store_file, "POST"),
    ):
        blueprint.add_url_rule(rule, name, guard(view), methods=[method], strict_slashes=False)
    blueprint.after_request(set_headers)
    return blueprint


def upload() -> str:
    """The form."""
    return _form({"sensor": request.args.get("sensor", ""), "timezone": readers_zone().key})


def preview() -> Page:
    """Read the file and show what would be stored; nothing is stored yet."""
    user, path = user_or_401(), None
    chosen = {name: request.form.get(name, "").strip() for name in CHOICES}
    try:
        path = _keep(user)
        imported, sensor = _read(path, chosen, user)
    except FlexMeasuresError as error:
        return _form(chosen, refusal(error, path), path=path), 422
    return _form(chosen, shown=_shown(imported, sensor), path=path)


def store_file() -> Page:
    """Store what was shown."""
    user, path = user_or_401(), None
    chosen = {name: request.form.get(name, "").strip() for name in CHOICES}
    try:
        path = _kept(user, request.form.get("token", ""))
        imported, sensor = _read(path, chosen, user)
        replacing = request.form.get("replace") == "on"
        stored = store(sensor, imported, lambda: sources.source_of(user), timedelta(0), replacing=replacing)
    except FlexMeasuresError as error:
        refused = refusal(error, path)
        shown = _shown(imported, sensor) if refused.place == "replace" else None
        return _form(chosen, refused, shown=shown, path=path), 422
    path.unlink(missing_ok=True)
    flash(
        gettext(
            "Stored %(new)s new and %(replaced)s replaced values of %(name)s.",
            new=whole(stored.new),
            replaced=whole(stored.replaced),
            name=sensor.display_name or sensor.name,
        )
    )
    if sensor.kind == "asset":
        return redirect(url_for("ui.asset", asset_id=sensor.id), code=303)
    return redirect(url_for("ui_upload.upload"), code=303)


def _read(path: Path, chosen: dict[str, str], user: User) -> tuple[Imported, Sensor]:
    """The file as series of the chosen sensor."""
    sensor = _sensor(chosen["sensor"], user)
    pair = tuple(part.strip() for part in chosen["where"].partition("=")[::2])
    if chosen["where"] and not all(pair):
        raise InputError(gettext("The row filter needs a column and a text."), "where", "COLUMN=TEXT")
    if chosen["kind"] not in KINDS:
        raise InputError(f"{chosen['kind']!r} is not understood.", "kind", ", ".join(filter(None, KINDS)))
    layout = Layout(
        valuecol=chosen["valuecol"] or None,
        date_format=chosen["date_format"] or None,
        decimal=chosen["decimal"] or None,
        labels=chosen["labels"] or None,
        where=(pair,) if chosen["where"] else (),  # type: ignore[arg-type]
        timezone=timezone(chosen["timezone"], "Time zone") if chosen["timezone"] else None,
        kind=KINDS[chosen["kind"]],
    )
    asked = Request(
        layout=layout,
        unit=chosen["unit"] or None,
        sign=(chosen["sign"] or None) if sensor.kind == "asset" else None,
        resolution=_minutes(chosen["resolution"]) if chosen["resolution"] else None,
        allow_implausible=chosen["allow_implausible"] == "on",
    )
    return read_file(path, sensor, asked), sensor


def _minutes(text: str) -> timedelta:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text)):
        raise InputError(
            gettext("%(field)s %(value)s is not understood.", field="resolution", value=repr(text)),
            "resolution",
            "15",
        )
    return timedelta(minutes=int(text))


def _sensor(text: str, user: User) -> Sensor:
    offered = {str(sensor.id): sensor for sensor in _offered(user)}
    if text not in offered:
        raise InputError(gettext("No sensor is chosen."), "sensor", gettext("one of those offered"))
    return offered[text]


def _offered(user: User) -> list[Sensor]:
    """The user's assets; for admins every sensor that has values."""
    if not user.is_admin:
        return list(visible_assets(user))
    query = select(Sensor).where(
        Sensor.kind.in_(("asset", "market", "weather_sensor")), Sensor.id <= LARGEST_ID
    )
    return list(db.session.scalars(query.order_by(Sensor.kind, Sensor.display_name, Sensor.id)))


def _form(
    chosen: dict[str, str],
    refused: Refusal | None = None,
    *,
    shown: dict[str, Any] | None = None,
    path: Path | None = None,
) -> str:
    return render_flexmeasures_template(
        "ui/upload.html",
        active_page="upload",
        chosen=chosen,
        offered=_offered(user_or_401()),
        refused=refused,
        shown=shown,
        token="" if path is None else path.name,
        file_name="" if path is None else original_name(path),
    )


def _shown(imported: Imported, sensor: Sensor) -> dict[str, Any]:
    """The first values as they would be stored, and what was decided."""
    zone = readers_zone()
    known = [
        (each.start + k * each.resolution, value)
        for each in imported.series
        for k, value in enumerate(each.values.tolist())
        if value == value
    ]
    asset = sensor.kind == "asset"
    return {
        "reader": imported.reader,
        "rows": [
            (
                f"{day_and_time(start.astimezone(zone))} {start.astimezone(zone):%Z}",
                value,
                _way(value) if asset else "",
            )
            for start, value in known[:SHOWN]
        ],
        "count": len(known),
        "first": known[0][0].astimezone(zone) if known else None,
        "last": known[-1][0].astimezone(zone) if known else None,
        "unit": "MW" if asset else sensor.unit,
        "file_unit": imported.unit,
        "notes": [in_words(note) for note in imported.notes],
        "warnings": [in_words(warning) for warning in imported.warnings],
    }


def _way(value: float) -> str:
    return gettext("consumption") if value > 0 else gettext("production") if value < 0 else ""


# -- files between the two steps -------------------------------------------------------------------------


def _folder() -> Path:
    folder = Path(current_app.instance_path) / "uploads"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _keep(user: User) -> Path:
    """Keep the file of the request for the second step, if it is not there already; older ones go."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        if request.form.get("token"):
            return _kept(user, request.form["token"])
        raise InputError(gettext("No file is chosen."), "file", gettext("a file"))
    _tidy(user)
    name = secure_filename(sent.filename)[-80:] or "file"
    path = _folder() / f"{user.id}-{secrets.token_urlsafe(16)}-{name}"
    sent.save(path)
    return path


def _kept(user: User, token: str) -> Path:
    """The file of that name, if it is this user's; InputError if it is gone."""
    path = _folder() / token
    mine = re.fullmatch(rf"{user.id}-[\w-]+-[\w.-]+", token) is not None
    if not mine or "/" in token or not path.is_file():
        raise InputError(gettext("The file is no longer here."), "file", gettext("choose it again"))
    return path


def _tidy(user: User) -> None:
    """Remove files that waited too long, and the oldest of a user that has too many."""
    paths = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime)
    mine = [path for path in paths if path.name.startswith(f"{user.id}-")]
    for path in paths:
        old = time.time() - path.stat().st_mtime > KEPT_SECONDS
        if old or path in mine[: -MOST_WAITING + 1]:
            path.unlink(missing_ok=True)
