"""postMeterData, postPrognosis, postPriceData, postWeatherData: all of a request is stored, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app
from marshmallow import ValidationError

import flexmeasures_forecasting as forecasting
import flexmeasures_master_data as master_data
from flexmeasures import beliefs, grid, sources
from flexmeasures.db import writing
from flexmeasures.errors import BeliefsExist, OffGrid
from flexmeasures.models import Market, Sensor, WeatherSensor
from flexmeasures.timing import iso_time
from flexmeasures_api.blueprint import Call
from flexmeasures_api.messages import addresses, sensors, units
from flexmeasures_api.messages.addresses import WeatherAddress
from flexmeasures_api.messages.parsing import Group, check_amount, check_type, read_groups, read_values
from flexmeasures_api.messages.status_codes import Refused
from flexmeasures_api.messages.times import (
    NOTHING,
    DataKind,
    Period,
    Recording,
    Resolve,
    clock_doubts,
    read_period,
)
from flexmeasures_master_data import geo, plausibility

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PRICE_HORIZONS = (DAY, 2 * DAY)


@dataclass(frozen=True)
class Posting:
    """Values for one sensor, as the client sent them: one a slot of `resolution`."""

    sensor: Sensor
    values: Floats
    resolution: timedelta


@dataclass(frozen=True)
class Post:
    """All that a request brings, on the grid of its sensors.

    clock_tolerance: by how much a slot may end after the time of arrival and still be over, as clocks differ.
    warnings: what is in doubt, for the user.
    """

    postings: Sequence[Posting]
    period: Period
    recording: Recording
    clock_tolerance: timedelta
    warnings: Sequence[str]

    @property
    def is_ex_post(self) -> bool:
        """Whether all of it was recorded after the fact."""
        return self.recording.is_ex_post(self.period.end - self.clock_tolerance)


# -- power ---------------------------------------------------------------------------------------------


def post_meter_data(call: Call) -> dict[str, Any]:
    """Store measured power (MW, consumption positive), and ask for forecasts of each connection."""
    _check(call)
    post = _power(call, "meter data")
    with writing():
        _store(call, post)
        _ask_for_forecasts(post)
    return {"warnings": post.warnings}


def post_prognosis(call: Call) -> dict[str, Any]:
    """Store the user's own forecasts of power (MW, consumption positive).

    Those recorded after the fact are measurements: versions that say so ask for forecasts then.
    """
    _check(call)
    post = _power(call, "prognosis")
    with writing():
        _store(call, post)
        if call.version.forecasts_from_prognoses and post.is_ex_post:
            _ask_for_forecasts(post)
    return {"warnings": post.warnings}


def _check(call: Call) -> None:
    check_type(call.message, call.request_type)
    units.required_unit(call.message, "power", units.POWER)


def _power(call: Call, kind: DataKind) -> Post:
    """Connections with their values, in the prescribed order: values, timing, period, resolution, access, sign."""
    groups = read_groups(call.message, "connection")
    values = _values(call, groups)
    resolve = call.version.timing.read(call.message, kind, play=call.play)
    period = read_period(call.message)
    ids = sensors.asset_ids(groups, call.version.simplified_addresses)
    flat = [asset_id for group in ids for asset_id in group]
    assets = sensors.existing_assets(flat)
    found = [[assets[asset_id] for asset_id in group] for group in ids]
    postings = _paired(found, values, period)
    sensors.check_access(call.user, flat, assets, "update")
    for posting in postings:
        sensors.check_sign(assets[posting.sensor.id], posting.values)
    return _post(call, kind, postings, period, resolve)


# -- prices --------------------------------------------------------------------------------------------


def post_price_data(call: Call) -> dict[str, Any]:
    """Store prices of markets, and ask for forecasts (not in play mode)."""
    check_type(call.message, call.request_type)
    units.required_price_unit(call.message)
    groups = read_groups(call.message, "market")
    resolve = call.version.timing.read(call.message, "prices", play=call.play)
    values = _values(call, groups)
    period = read_period(call.message)
    names = [[addresses.market(name) for name in group.names] for group in groups]
    markets = sensors.markets_by_name([name for group in names for name in group])
    postings = _paired([[markets[name] for name in group] for group in names], values, period)
    _check_market_units(call, markets.values())
    post = _post(call, "prices", postings, period, resolve)
    with writing():
        _store(call, post)
        if not call.play:
            _ask_for_forecasts(post, max(post.period.start, post.period.end - DAY), PRICE_HORIZONS)
    return {"warnings": post.warnings}


def _check_market_units(call: Call, markets: Iterable[Market]) -> None:
    for market in markets:
        if market.unit != call.message["unit"]:
            raise units.wrong_unit(call.message["unit"], f"prices of {market.display_name}", [market.unit])


# -- weather -------------------------------------------------------------------------------------------


def post_weather_data(call: Call) -> dict[str, Any]:
    """Store weather, and ask for forecasts of what was measured; in play mode unknown sensors are created instead."""
    check_type(call.message, call.request_type)
    if not isinstance(call.message.get("unit"), str):
        raise units.wrong_unit(call.message.get("unit"), "weather", units.WEATHER_UNITS)
    groups = read_groups(call.message, "sensor")
    resolve = call.version.timing.read(call.message, "weather", play=call.play)
    values = _values(call, groups)
    period = read_period(call.message)
    places = [[addresses.weather_sensor(name) for name in group.names] for group in groups]
    known = sensors.weather_sensors_at(place for group in places for place in group)
    _paired([[s for p in group if (s := known[p]) is not None] for group in places], values, period)
    for place in known:
        _check_weather_unit(call, place)
    with writing():
        counts = {place: len(array) for group, array in zip(places, values, strict=True) for place in group}
        ready = {p: sensor or _new_weather_sensor(call, p, period, counts[p]) for p, sensor in known.items()}
        postings = _paired([[ready[place] for place in group] for group in places], values, period)
        post = _post(call, "weather", postings, period, resolve)
        _store(call, post)
        if not call.play and post.is_ex_post:
            _ask_for_forecasts(post)
    return {"warnings": post.warnings}


def _check_weather_unit(call: Call, place: WeatherAddress) -> None:
    accepted = units.WEATHER.get(place.type_name, units.WEATHER_UNITS)
    if call.message["unit"] not in accepted:
        raise units.wrong_unit(call.message["unit"], place.type_name, accepted)
    if place.type_name not in units.WEATHER:
        types = ", ".join(units.WEATHER)
        text = f"There are no weather sensors of type {place.type_name!r}. Accepted: {types}."
        raise Refused("UNRECOGNIZED_SENSOR", text)


def _new_weather_sensor(call: Call, place: WeatherAddress, period: Period, count: int) -> WeatherSensor:
    """A new weather sensor with the posted resolution and unit, in play mode; otherwise the refusal."""
    if not call.play:
        raise _no_weather_sensor(place)
    minutes = sensors.posted_resolution(period.duration, count, MINUTE) // MINUTE
    where = f"at latitude {place.latitude} and longitude {place.longitude}"
    fields = {
        "name": f"Weather sensor for {place.type_name} {where}",
        "weather_sensor_type_name": place.type_name,
        "unit": call.message["unit"],
        "event_resolution": minutes,
        "latitude": place.latitude,
        "longitude": place.longitude,
    }
    try:
        return master_data.create_weather_sensor(fields)
    except ValidationError as error:
        raise Refused("UNRECOGNIZED_SENSOR", f"No weather sensor can be made {where}: {error}") from None


def _no_weather_sensor(place: WeatherAddress) -> Refused:
    where = f"at latitude {place.latitude} and longitude {place.longitude}"
    nearest = geo.nearest_weather_sensors(place.type_name, place.latitude, place.longitude)
    if nearest:
        sensor = nearest[0][0]
        advice = f"the nearest one is at latitude {sensor.latitude} and longitude {sensor.longitude}"
    else:
        advice = "there are none of this type at all"
    text = f"There is no weather sensor of type {place.type_name} {where}; {advice}."
    return Refused("UNRECOGNIZED_SENSOR", text)


# -- what all have in common ---------------------------------------------------------------------------


def _values(call: Call, groups: Sequence[Group]) -> list[Floats]:
    """Values by group; Refused with PTUS_INCOMPLETE, 413 for more than the setting allows."""
    for group in groups:
        if isinstance(group.values, list):
            check_amount([len(group.values) * len(group.names)], call.max_values)
    prefix = "" if len(groups) == 1 else "groups[{}]."
    return [read_values(group.values, f"{prefix.format(k)}values") for k, group in enumerate(groups)]


def _paired(groups: Sequence[Sequence[Sensor]], values: list[Floats], period: Period) -> list[Posting]:
    """Each sensor with its group's values; Refused with INVALID_RESOLUTION when they do not fit.

    In the order of their ids, so that posts at the same time wait for each other and never in a circle.
    """
    sensors.check_one_resolution([sensor for group in groups for sensor in group])
    postings = []
    for group, array in zip(groups, values, strict=True):
        for sensor in group:
            resolution = sensors.posted_resolution(period.duration, len(array), sensor.event_resolution)
            postings.append(Posting(sensor, array, resolution))
    return sorted(postings, key=lambda posting: posting.sensor.id)


def _post(call: Call, kind: DataKind, postings: list[Posting], sent: Period, resolve: Resolve) -> Post:
    """What is to be stored; Refused with INVALID_PERIOD when it is too far off the grid of its sensors."""
    try:
        starts = [grid.aligned(sent.start, p.sensor.event_resolution, p.sensor.timezone) for p in postings]
    except OffGrid as error:
        raise Refused("INVALID_PERIOD", str(error)) from None
    period = Period(starts[0], sent.duration)
    recording = resolve(period)
    observed = kind in ("meter data", "weather") and recording.inferred
    tolerance = current_app.config["FLEXMEASURES_CLOCK_TOLERANCE"] if observed else NOTHING
    warnings = list(_moved(sent.start, period.start))
    if kind == "meter data" and not call.play:
        warnings += clock_doubts(period.end, recording, tolerance)
    implausible = (plausibility.power(posting.sensor, posting.values) for posting in postings)
    warnings += [text for text in implausible if text is not None]
    return Post(postings, period, recording, tolerance, warnings)


def _moved(sent: datetime, start: datetime) -> Iterator[str]:
    if start != sent:
        yield f"start {iso_time(sent)} was moved to {iso_time(start)}, where a slot starts."


def _ask_for_forecasts(
    post: Post, start: datetime | None = None, horizons: Sequence[timedelta] | None = None
) -> None:
    """Forecasts because of what was posted (from start on, None: all of it); their jobs tell the warnings."""
    posted = [posting.sensor for posting in post.postings]
    start = start or post.period.start
    forecasting.request_forecasts(posted, start, post.period.end, horizons, warnings=post.warnings)


def _store(call: Call, post: Post) -> None:
    """Store all, within the request's transaction; Refused when a belief of the same key is there already.

    An inferred recording time cannot collide on purpose, so it replaces, and so does everything in play mode.
    """
    period, recording = post.period, post.recording
    counts = [period.duration // posting.sensor.event_resolution for posting in post.postings]
    check_amount(counts, call.max_values)
    source = sources.source_of(call.user)
    try:
        for posting in post.postings:
            beliefs.store(
                posting.sensor,
                posting.values,
                period.start,
                posting.resolution,
                source,
                horizon=recording.horizon,
                belief_time=recording.belief_time,
                clock_tolerance=post.clock_tolerance,
                on_existing="replace" if call.play or recording.inferred else "refuse",
            )
    except BeliefsExist as error:
        raise Refused("ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED", f"{error} Nothing was stored.") from None
