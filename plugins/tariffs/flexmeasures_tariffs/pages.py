"""/tariffs: what there is to pay by; admins state new tariffs and new versions in a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, request, url_for
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug import Response

from flexmeasures.auth import current_user, login_required, roles_required
from flexmeasures.db import db, writing
from flexmeasures.models import Market
from flexmeasures.timing import server_now
from flexmeasures.ui.utils.view_utils import render_flexmeasures_template
from flexmeasures_charts.list_files import asked_file
from flexmeasures_tariffs.computing import all_tariffs
from flexmeasures_tariffs.job import enqueue_tariff
from flexmeasures_tariffs.managing import put_tariff
from flexmeasures_tariffs.schema import shown, tariff_of
from flexmeasures_translation import gettext, marked, with_point

COLUMNS = ("name", "price", "market", "factor", "days", "hours", "months", "vat")
FILE_COLUMNS = ("tariff", "unit", "from", "version_vat", "floor", "cap", *COLUMNS)
SPARE = 4  # empty rows of the form, for further parts
MOST_PARTS = 100
WEEKDAYS, WEEKENDS = marked("weekdays"), marked("weekends")
UNITS = ("EUR/kWh", "EUR/MWh")


def make_blueprint() -> Blueprint:
    """A new blueprint (one an app)."""
    blueprint = Blueprint("tariffs", __name__, template_folder="templates")
    admin = roles_required("admin")
    for rule, name, view, method in (
        ("/tariffs", "tariffs", login_required(tariffs), "GET"),
        ("/tariffs", "save", admin(save), "POST"),
        ("/tariffs/new", "new", admin(new), "GET"),
        ("/tariffs/<int:market_id>/edit", "edit", admin(edit), "GET"),
    ):
        blueprint.add_url_rule(rule, name, view, methods=[method], strict_slashes=False)
    return blueprint


def tariffs() -> str | Response:
    """All tariffs with their versions and parts; with `format=csv` or `format=json` a row a part."""
    file = asked_file("tariffs", FILE_COLUMNS, _parts)
    if file is not None:
        return file
    user = current_user()
    return render_flexmeasures_template(
        "tariffs/tariffs.html",
        active_page="tariffs",
        tariffs=[(market, shown(market, tariff)) for market, tariff in all_tariffs()],
        may_change=user is not None and user.is_admin,
        days=_days_in_words,
    )


def _parts() -> Iterator[dict[str, Any]]:
    """Every part of every version of all tariffs, in the fields of FILE_COLUMNS."""
    for market, tariff in all_tariffs():
        told = shown(market, tariff)
        for version in told["versions"]:
            for part in version["parts"]:
                fields = {"tariff": told["name"], "unit": told["unit"], "from": version["from"]}
                fields |= {
                    "version_vat": version["vat"],
                    "floor": version.get("floor"),
                    "cap": version.get("cap"),
                }
                yield fields | {name: part.get(name) for name in COLUMNS}


def new() -> str:
    """The form of a new tariff."""
    zone = current_app.config["FLEXMEASURES_TIMEZONE"]
    start = {"unit": UNITS[0], "timezone": zone, "from": f"{server_now():%Y-01-01}", "vat": "0"}
    return _form(start, [{"factor": "1", "vat": "yes"}], {})


def edit(market_id: int) -> str:
    """The form of a tariff, with its last version."""
    market = db.session.get(Market, market_id) if market_id < 2**31 else None
    tariff = None if market is None else tariff_of(market)
    if market is None or tariff is None:
        abort(404)
    told = shown(market, tariff)
    last = told["versions"][-1]
    values = {key: told[key] for key in ("name", "unit", "timezone")}
    values |= {"from": last["from"], "vat": f"{100 * last['vat']:.10g}"}
    values |= {key: f"{last[key]:g}" for key in ("floor", "cap") if key in last}
    return _form(values, [_row(part) for part in last["parts"]], {}, market)


def save() -> str | Response | tuple[str, int]:
    """Make the tariff, or give it this version; what is wrong is told at its place, and what was typed is kept."""
    rows, user = _rows(request.form), current_user()
    filled = [k for k, row in enumerate(rows) if _is_filled(row)]
    try:
        with writing():
            market, _ = put_tariff(_tariff(request.form, [rows[k] for k in filled]))
            name = market.name
            enqueue_tariff(
                market, gettext("%(name)s changed it", name=user.username if user is not None else "")
            )
    except ValidationError as error:
        told = error.messages if isinstance(error.messages, dict) else {error.field_name: error.messages}
        errors = _by_place(told, filled)
        return _form(request.form, rows, errors, _market(request.form.get("name", ""))), 422
    flash(gettext("The tariff %(name)s was saved; its prices are being computed.", name=name))
    return redirect(url_for("tariffs.tariffs"), code=303)


def _tariff(form: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What was typed as TariffSchema takes it, with the versions that the tariff has of other days."""
    name = form.get("name", "").strip()
    market = _market(name)
    tariff = None if market is None else tariff_of(market)
    before = [] if market is None or tariff is None else shown(market, tariff)["versions"]
    version: dict[str, Any] = {"from": form.get("from", "").strip(), "parts": [_part(row) for row in rows]}
    version |= {key: _number(form[key]) for key in ("floor", "cap") if form.get(key, "").strip()}
    vat = _number(form.get("vat", "").strip() or "0")
    version["vat"] = round(vat / 100, 12) if isinstance(vat, float) else vat
    return {
        "name": name,
        "unit": form.get("unit", "").strip(),
        "timezone": form.get("timezone", "").strip(),
        # The version of the form first, so that errors of it are found at 0.
        "versions": [version, *(each for each in before if each["from"] != version["from"])],
    }


def _part(row: Mapping[str, str]) -> dict[str, Any]:
    part: dict[str, Any] = {"name": row["name"]}
    if row["price"]:
        part["price"] = _number(row["price"])
    if row["market"]:
        part |= {"market": row["market"], "factor": _number(row["factor"] or "1")}
    if row["days"]:
        part["days"] = (
            row["days"] if row["days"] in (WEEKDAYS, WEEKENDS) else row["days"].replace(",", " ").split()
        )
    if row["hours"]:
        part["hours"] = row["hours"].replace(",", " ").split()
    if row["months"]:
        part["months"] = [
            int(each) if each.isdecimal() else each for each in row["months"].replace(",", " ").split()
        ]
    return part if row["vat"] != "no" else part | {"vat": False}


def _row(part: Mapping[str, Any]) -> dict[str, str]:
    """A part as the form has it."""
    row = {key: f"{part[key]:.10g}" for key in ("price", "factor") if key in part}
    row |= {"name": part["name"], "market": str(part.get("market", ""))}
    row |= {key: ", ".join(map(str, part.get(key, ()))) for key in ("days", "hours", "months")}
    row["days"] = _days_in_words(part.get("days", ()))
    return row | {"vat": "no" if part.get("vat") is False else "yes"}


def _days_in_words(days: Sequence[str]) -> str:
    """The word for all weekdays, or both other days; else the days themselves."""
    if list(days) == ["mon", "tue", "wed", "thu", "fri"]:
        return WEEKDAYS
    return WEEKENDS if list(days) == ["sat", "sun"] else ", ".join(days)


def _rows(form: Mapping[str, str]) -> list[dict[str, str]]:
    count = sum(f"part-{k}-name" in form for k in range(MOST_PARTS))
    return [{key: form.get(f"part-{k}-{key}", "").strip() for key in COLUMNS} for k in range(count)]


def _is_filled(row: Mapping[str, str]) -> bool:
    """Whether somebody typed something into it; two of its columns are never empty."""
    return any(row.get(key) for key in COLUMNS if key not in ("factor", "vat"))


def _number(text: str) -> float | str:
    """A number, or the text, which the schema refuses."""
    try:
        return float(with_point(text))
    except ValueError:
        return text


def _market(name: str) -> Market | None:
    return db.session.scalar(select(Market).where(Market.name == name)) if name and "\0" not in name else None


def _by_place(told: Mapping[str, Any], filled: Sequence[int]) -> dict[str, str]:
    """Errors by the name of the field, those of a part by "part-<row>"."""
    versions = told.get("versions", {})
    own = versions.get(0, {}) if isinstance(versions, Mapping) else {"": versions}
    parts = own.get("parts", {}) if isinstance(own, Mapping) else {}
    found = {key: _text(value) for key, value in told.items() if key != "versions"}
    if isinstance(own, Mapping):
        found |= {key: _text(value) for key, value in own.items() if key != "parts"}
    if isinstance(parts, Mapping):
        found |= {f"part-{filled[k]}": _text(value) for k, value in parts.items() if k < len(filled)}
    else:
        found["part-0"] = _text(parts)
    if isinstance(versions, Mapping) and set(versions) - {0}:
        found[""] = _text({key: value for key, value in versions.items() if key})
    return found


def _text(told: Any) -> str:
    if isinstance(told, Mapping):
        return "; ".join(
            f"{key}: {_text(value)}" if key != "_schema" else _text(value) for key, value in told.items()
        )
    return " ".join(gettext(str(each)) for each in told) if isinstance(told, list) else gettext(str(told))


def _form(
    values: Mapping[str, Any],
    rows: Sequence[Mapping[str, str]],
    errors: Mapping[str, str],
    market: Market | None = None,
) -> str:
    tariff = None if market is None else tariff_of(market)
    markets = db.session.execute(
        select(Market.name, Market.display_name, Market.unit).order_by(Market.display_name)
    )
    spare = [dict.fromkeys(COLUMNS, "") | {"factor": "1", "vat": "yes"}] * SPARE
    filled = [row for row in rows if _is_filled(row)]
    known = {"name", "unit", "timezone", "from", "vat", "floor", "cap"}
    return render_flexmeasures_template(
        "tariffs/tariff_form.html",
        active_page="tariffs",
        values=values,
        rows=[*(rows if errors else filled), *([] if errors else spare)],
        errors=errors,
        others=[text for key, text in errors.items() if key not in known and not key.startswith("part-")],
        market=market if tariff is not None else None,
        markets=[each for each in markets if market is None or each.name != market.name],
    )
