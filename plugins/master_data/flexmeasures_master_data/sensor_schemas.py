"""Schemas of users' input about assets, markets and weather sensors, shared by API, pages and command line.

All errors of an input are reported together, by field (marshmallow.ValidationError). Contract 18, 21, 22.
"""

from __future__ import annotations

from typing import Any, ClassVar

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
    validates,
    validates_schema,
)
from sqlalchemy import select

from flexmeasures import beliefs, grid
from flexmeasures.db import db
from flexmeasures.errors import InputError
from flexmeasures.fields import Text
from flexmeasures.models.sensors import (
    PRICE_UNIT,
    Asset,
    Market,
    Sensor,
    SensorType,
    WeatherSensor,
)
from flexmeasures.models.users import User
from flexmeasures.timing import timezone
from flexmeasures_master_data.asset_fields import asset_fields
from flexmeasures_master_data.fields import AwareTime, Minutes, number

# Both spellings are accepted and sent: the documentation's examples, and the names of the columns.
SPELLINGS = {"asset_type": "asset_type_name", "owner": "owner_id", "market": "market_id"}


_LATITUDE = validate.Range(min=-90, max=90)


_LONGITUDE = validate.Range(min=-180, max=180)


class SensorSchema(Schema):
    """What all kinds of sensors share; `existing` is the sensor that an update is about."""

    class Meta:
        unknown = RAISE

    kind: type[Sensor] = Sensor

    def __init__(self, existing: Sensor | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.existing = existing

    @validates("name")
    def name_is_free(self, value: str, data_key: str = "name") -> None:
        del data_key
        if not self.stored_name(value).replace("_", " ").strip():
            raise ValidationError("Must not be empty.")
        other = db.session.scalar(select(self.kind).where(self.kind.name == self.stored_name(value)))
        if other is not None and other is not self.existing:
            kind = other.kind.replace("_", " ")
            article = "An" if kind[0] in "aeiou" else "A"
            raise ValidationError(f"{article} {kind} with the name {value!r} already exists.")

    @validates("timezone")
    def timezone_exists(self, value: str, data_key: str = "timezone") -> None:
        try:
            timezone(value, data_key)
        except InputError as error:
            raise ValidationError(str(error)) from None

    @validates_schema
    def grid_stays(self, data: dict[str, Any], **_: Any) -> None:
        """The slots of a sensor stay what they are while it has values."""
        sensor = self.existing
        if sensor is None:
            return
        resolution = data.get("event_resolution", sensor.event_resolution)
        changed = ["event_resolution"] if resolution != sensor.event_resolution else []
        if grid.is_of_days(resolution) and data.get("timezone", sensor.timezone) != sensor.timezone:
            changed.append("timezone")
        if changed and beliefs.extent(sensor) is not None:
            text = "It cannot change while there are values: add another sensor, or delete the values first."
            raise ValidationError({name: [text] for name in changed})

    def stored_name(self, name: str) -> str:
        """The name as it is stored."""
        return name.lower().replace(" ", "_")


def type_named(kind: str, name: str) -> SensorType:
    """The sensor type of that kind and name; ValidationError naming the known ones."""
    rows = db.session.scalars(select(SensorType).where(SensorType.kind == kind).order_by(SensorType.id)).all()
    for row in rows:
        if row.name == name:
            return row
    known = ", ".join(row.name for row in rows) or "none yet; run `flexmeasures add structure`"
    raise ValidationError(f"There is no {kind.replace('_', ' ')} type {name!r}. Known: {known}.")


class AssetSchema(SensorSchema):
    """An asset as the API and the command line take and give it. added: names of fields that packages bring."""

    kind = Asset
    spellings: ClassVar = SPELLINGS
    added: ClassVar[tuple[str, ...]] = ()

    id = fields.Integer(dump_only=True)
    name = Text(required=True, validate=validate.Length(max=255))
    display_name = Text(validate=validate.Length(min=4, max=255))
    unit = Text(required=True, validate=validate.Length(min=1, max=80))
    timezone = fields.String(load_default="UTC")
    event_resolution = Minutes(required=True, strict=True)
    capacity_in_mw = number(required=True, validate=validate.Range(min=0.0001))
    min_soc_in_mwh = number(allow_none=True, validate=validate.Range(min=0))
    max_soc_in_mwh = number(allow_none=True, validate=validate.Range(min=0))
    soc_in_mwh = number(allow_none=True)
    soc_datetime = AwareTime(allow_none=True)
    soc_udi_event_id = fields.Integer(
        allow_none=True, strict=True, validate=validate.Range(min=-(2**31), max=2**31 - 1)
    )
    latitude = number(required=True, validate=_LATITUDE)
    longitude = number(required=True, validate=_LONGITUDE)
    asset_type_name = fields.String(required=True, attribute="type_name")
    owner_id = fields.Integer(required=True, strict=True)
    market_id = fields.Integer(required=True, strict=True)

    @pre_load
    def one_spelling(self, data: Any, **_: Any) -> Any:
        self._sent: dict[str, str] = {}
        if not isinstance(data, dict):
            return data
        renamed: dict[str, Any] = {}
        for key, value in data.items():
            canonical = SPELLINGS.get(str(key), str(key))
            if canonical in renamed and renamed[canonical] != value:
                raise ValidationError(f"{key} and {canonical} differ.", str(key))
            if canonical != key:
                self._sent[canonical] = str(key)
            if key != "id":
                renamed[canonical] = value
        return renamed

    def handle_error(self, error: ValidationError, data: Any, *, many: bool, **_: Any) -> None:
        short = {canonical: key for key, canonical in SPELLINGS.items()}
        sent = data if isinstance(data, dict) else {}
        if isinstance(error.messages, dict):
            error.messages = {
                key if key in sent else self._sent.get(str(key), short.get(str(key), key)): text
                for key, text in error.messages.items()
            }

    def stored_name(self, name: str) -> str:
        return name.removesuffix(" (MW)")

    @validates("asset_type_name")
    def type_exists(self, value: str, data_key: str) -> None:
        type_named("asset", value)

    @validates("owner_id")
    def owner_may_own(self, value: int, data_key: str) -> None:
        owner = db.session.get(User, value) if abs(value) < 2**31 else None
        if owner is None:
            raise ValidationError(f"There is no user with id {value}.")
        if not owner.role_names & {"Prosumer", "admin"}:
            raise ValidationError(
                f"User {value} has neither the role Prosumer nor admin, so cannot own assets."
            )

    @validates("market_id")
    def market_exists(self, value: int, data_key: str) -> None:
        if abs(value) >= 2**31 or db.session.get(Market, value) is None:
            raise ValidationError(f"There is no market with id {value}.")

    @validates_schema
    def limits_fit(self, data: dict[str, Any], **_: Any) -> None:
        low = data.get("min_soc_in_mwh", getattr(self.existing, "min_soc_in_mwh", None))
        high = data.get("max_soc_in_mwh", getattr(self.existing, "max_soc_in_mwh", None))
        if low is not None and high is not None and high < low:
            raise ValidationError(f"Must not be below min_soc_in_mwh ({low:g}).", "max_soc_in_mwh")

    @post_load
    def columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "name" in data:
            data["name"] = self.stored_name(data["name"])
        if "type_name" in data:
            data["type"] = type_named("asset", data.pop("type_name"))
        stated = {name: data.pop(name) for name in self.added if name in data}
        if stated:
            known = getattr(self.existing, "attributes", None) or {}
            data["attributes"] = {**known, **stated}
        return data

    def dump_asset(self, asset: Asset) -> dict[str, Any]:
        """The asset with all fields, those with two names under both."""
        fields_of: dict[str, Any] = self.dump(asset)
        attributes = asset.attributes or {}
        fields_of |= {name: attributes[name] for name in self.added if attributes.get(name)}
        return fields_of | {key: fields_of[canonical] for key, canonical in SPELLINGS.items()}


def asset_schema(kind: type[AssetSchema] = AssetSchema, **options: Any) -> AssetSchema:
    """A kind of AssetSchema with the fields that packages add; options as of that kind."""
    added = {each.name: each.field for each in asset_fields()}
    whole: type[AssetSchema] = type(kind.__name__, (kind,), {"added": tuple(added), **added})
    return whole(**options)


class MarketSchema(SensorSchema):
    """A market as the command line takes it."""

    kind = Market

    name = Text(
        required=True,
        validate=validate.Regexp(
            r"^[A-Za-z][\w\- ]*$",
            error="Must start with a letter and hold only letters, digits, underscores and hyphens.",
        ),
    )
    display_name = Text()
    unit = Text(
        required=True,
        validate=validate.Regexp(
            rf"^{PRICE_UNIT}\Z",
            error="Must be a currency (three capital letters) per MWh or kWh, such as EUR/MWh or KRW/kWh.",
        ),
    )
    timezone = fields.String(load_default="UTC")
    event_resolution = Minutes(required=True)
    market_type_name = fields.String(required=True)

    @post_load
    def columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["name"] = self.stored_name(data["name"])
        data["type"] = type_named("market", data.pop("market_type_name"))
        return data

    @validates("market_type_name")
    def type_exists(self, value: str, data_key: str) -> None:
        type_named("market", value)


class WeatherSensorSchema(SensorSchema):
    """A weather sensor as the command line takes it."""

    kind = WeatherSensor

    name = Text(required=True, validate=validate.Length(max=255))
    display_name = Text()
    unit = Text(required=True, validate=validate.Length(min=1))
    timezone = fields.String(load_default="UTC")
    event_resolution = Minutes(required=True)
    latitude = number(required=True, validate=_LATITUDE)
    longitude = number(required=True, validate=_LONGITUDE)
    weather_sensor_type_name = fields.String(required=True)

    @validates("weather_sensor_type_name")
    def type_exists(self, value: str, data_key: str) -> None:
        type_named("weather_sensor", value)

    @validates_schema(skip_on_field_errors=True)
    def place_is_free(self, data: dict[str, Any], **_: Any) -> None:
        kind = type_named("weather_sensor", data["weather_sensor_type_name"])
        other = db.session.scalar(
            select(WeatherSensor).where(
                WeatherSensor.type_id == kind.id,
                WeatherSensor.latitude == data["latitude"],
                WeatherSensor.longitude == data["longitude"],
            )
        )
        if other is not None:
            raise ValidationError(
                f"{other.name} (ID:{other.id}) measures {kind.name} at that place already.", "latitude"
            )

    @post_load
    def columns(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["name"] = self.stored_name(data["name"])
        data["type"] = type_named("weather_sensor", data.pop("weather_sensor_type_name"))
        return data
