"""A tariff as TOML and JSON have it, and as it is kept with its market (attribute `tariff`)."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates, validates_schema
from sqlalchemy import select

from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.models import Market
from flexmeasures.timing import timezone
from flexmeasures_tariffs.formula import WEEKDAYS, Part, Tariff, Version, cuts_slots

if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = r"^[A-Za-z][\w\- ]*$"
UNIT = r"^[A-Z]{3}/(MWh|kWh)$"
DAYS = {"weekdays": (0, 1, 2, 3, 4), "weekends": (5, 6)} | {name: (k,) for k, name in enumerate(WEEKDAYS)}
LARGEST = 1e6  # of a price
_PRICE = validate.Range(-LARGEST, LARGEST)
_ONE_LINE = validate.ContainsNoneOf("\n")  # `$` stands before a last line break, too


class Days(fields.Field[tuple[int, ...]]):
    """`weekdays`, `weekends`, or a list of mon, tue, wed, thu, fri, sat, sun."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[int, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(name, str) and name in DAYS for name in names):
            raise ValidationError(f"Must be weekdays, weekends, or a list of {', '.join(WEEKDAYS)}.")
        return tuple(sorted({day for name in names for day in DAYS[name]}))


class Hours(fields.Field[tuple[tuple[time, time], ...]]):
    """`07:00-23:00`, or a list of such."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Any, **_: Any
    ) -> tuple[tuple[time, time], ...]:
        spans = [value] if isinstance(value, str) else value
        if not isinstance(spans, list):
            raise ValidationError("Must be hours such as 07:00-23:00, or a list of such.")
        return tuple(_span(span) for span in spans)


def _span(text: Any) -> tuple[time, time]:
    try:
        first, last = (
            time() if part.strip() == "24:00" else time.fromisoformat(part.strip())
            for part in text.split("-")
        )
    except (ValueError, AttributeError):
        raise ValidationError(f"{text!r} is not hours such as 07:00-23:00.") from None
    if first == last or first.second or last.second or first.tzinfo or last.tzinfo:
        raise ValidationError(f"{text!r} is not a span of whole minutes within a day.")
    return first, last


class MarketName(fields.Field[int]):
    """The name or the id of a market; kept as its id."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        own = Market.name == value if isinstance(value, str) else Market.id == value
        number = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
        known = number or (isinstance(value, str) and "\0" not in value)
        market = db.session.scalar(select(Market).where(own)) if known else None
        if market is None:
            names = ", ".join(db.session.scalars(select(Market.name).order_by(Market.name).limit(20)))
            raise ValidationError(f"There is no market {value!r}. Accepted: {names}.")
        return market.id


class KeptMarket(MarketName):
    """The id of a market that was there when the tariff was stated; it may be gone since."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        return int(value)


class PartSchema(Schema):
    """A part of a price: fixed, or of another market."""

    name = fields.String(required=True, validate=validate.Length(1, 80))
    price = fields.Float(validate=_PRICE, metadata={"description": "Fixed, in the tariff's unit."})
    market = MarketName(metadata={"description": "Name or id of a market whose price is taken."})
    factor = fields.Float(
        validate=validate.Range(-1000, 1000), metadata={"description": "Of the market's price."}
    )
    months = fields.List(
        fields.Integer(strict=True, validate=validate.Range(1, 12)), validate=validate.Length(1)
    )
    days = Days()
    hours = Hours()
    vat = fields.Boolean(metadata={"description": "Whether VAT is charged on it."})

    @validates_schema
    def is_one_of_two(self, data: dict[str, Any], **_: Any) -> None:
        if ("price" in data) == ("market" in data):
            raise ValidationError("Must have either a price or a market.", "price")
        if "factor" in data and "price" in data:
            raise ValidationError("Has a meaning only with a market.", "factor")

    @post_load
    def part(self, data: dict[str, Any], **_: Any) -> Part:
        if "months" in data:
            data["months"] = tuple(data["months"])
        return Part(**data)


class VersionSchema(Schema):
    """A formula that applies from a day on."""

    since = fields.Date(
        required=True, data_key="from", validate=validate.Range(date(2000, 1, 1), date(2100, 1, 1))
    )
    vat = fields.Float(validate=validate.Range(0, 1), metadata={"description": "0.21 for 21 %."})
    floor = fields.Float(validate=_PRICE, metadata={"description": "Least price before VAT."})
    cap = fields.Float(validate=_PRICE, metadata={"description": "Highest price before VAT."})
    parts = fields.List(fields.Nested(PartSchema()), required=True, validate=validate.Length(1, 100))
    stated = fields.Integer(load_only=True)

    @validates_schema
    def limits_fit(self, data: dict[str, Any], **_: Any) -> None:
        if "floor" in data and "cap" in data and data["cap"] < data["floor"]:
            raise ValidationError("Must not be below floor.", "cap")

    @post_load
    def version(self, data: dict[str, Any], **_: Any) -> Version:
        return Version(**(data | {"parts": tuple(data["parts"])}))


class KeptPartSchema(PartSchema):
    """A part as it is kept."""

    market = KeptMarket()


class KeptVersionSchema(VersionSchema):
    """A version as it is kept."""

    parts = fields.List(fields.Nested(KeptPartSchema()), required=True)


class TariffSchema(Schema):
    """A tariff: its name, unit and zone, and its versions."""

    id = fields.Integer(dump_only=True, metadata={"description": "Id of its market."})
    name = fields.String(required=True, validate=[validate.Length(1, 80), validate.Regexp(NAME), _ONE_LINE])
    unit = fields.String(
        required=True,
        validate=[
            validate.Regexp(UNIT, error="Must be a currency per MWh or kWh, such as EUR/kWh."),
            _ONE_LINE,
        ],
    )
    resolution = fields.Integer(
        strict=True,
        validate=validate.OneOf([1, 5, 10, 15, 20, 30, 60]),
        metadata={
            "description": "Minutes of a slot; default: of the finest market that it is computed from, else 60."
        },
    )
    timezone = fields.String(required=True)
    versions = fields.List(fields.Nested(VersionSchema()), required=True, validate=validate.Length(1, 100))

    @validates("timezone")
    def zone_exists(self, value: str, data_key: str) -> None:
        try:
            timezone(value, "timezone")
        except InputError as error:
            raise ValidationError(str(error)) from None

    @validates_schema(skip_on_field_errors=True)
    def versions_differ(self, data: dict[str, Any], **_: Any) -> None:
        days = [version.since for version in data["versions"]]
        if len(set(days)) < len(days):
            raise ValidationError("Each must apply from another day.", "versions")


class NamelessTariffSchema(TariffSchema):
    """A tariff whose name stands elsewhere."""

    class Meta:
        exclude = ("id", "name")


def kept(tariff: Tariff) -> dict[str, Any]:
    """The attribute of a market, which `tariff_of` reads again."""
    return {
        "timezone": tariff.timezone,
        "versions": [_version(version) | {"stated": version.stated} for version in tariff.versions],
    }


def shown(market: Market, tariff: Tariff) -> dict[str, Any]:
    """The tariff as TariffSchema takes it, with the names of markets."""
    rows = db.session.execute(select(Market.id, Market.name).where(Market.id.in_(tariff.markets)))
    names = {row.id: row.name for row in rows}
    versions = [_version(version) for version in tariff.versions]
    for part in (part for version in versions for part in version["parts"]):
        if "market" in part:
            part["market"] = names.get(part["market"], part["market"])
    minutes = market.event_resolution // timedelta(minutes=1)
    return {
        "name": market.name,
        "unit": market.unit,
        "resolution": minutes,
        "timezone": tariff.timezone,
        "versions": versions,
    }


def _version(version: Version) -> dict[str, Any]:
    limits = {name: getattr(version, name) for name in ("floor", "cap") if getattr(version, name) is not None}
    own = {"from": version.since.isoformat(), "vat": version.vat} | limits
    return own | {"parts": [_part(part) for part in version.parts]}


def _part(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {"name": part.name}
    found |= {"price": part.price} if part.market is None else {"market": part.market, "factor": part.factor}
    if part.months:
        found["months"] = list(part.months)
    if part.days:
        found["days"] = [WEEKDAYS[day] for day in part.days]
    if part.hours:
        found["hours"] = [f"{first:%H:%M}-{last:%H:%M}" for first, last in part.hours]
    return found if part.vat else found | {"vat": False}


def tariff_of(market: Market) -> Tariff | None:
    """The tariff that a market is computed by; None for any other market."""
    attribute = (market.attributes or {}).get("tariff")
    if attribute is None:
        return None
    versions = KeptVersionSchema(many=True).load(attribute["versions"])
    return Tariff(timezone=attribute["timezone"], versions=tuple(versions))


def check_slots(parts: Iterable[Part], resolution: timedelta) -> None:
    """ValidationError where hours begin or end within a slot."""
    for part in parts:
        if cuts_slots(part, resolution):
            minutes = resolution // timedelta(minutes=1)
            text = f"The hours of part {part.name!r} begin or end within slots of {minutes} minutes."
            raise ValidationError(text, "resolution")
