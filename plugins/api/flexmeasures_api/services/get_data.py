"""getMeterData and getPrognosis: the newest beliefs of connections in a period, as known at some time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import current_app

from flexmeasures import beliefs
from flexmeasures.models import Asset
from flexmeasures_api.blueprint import Call
from flexmeasures_api.messages import sensors, source_selection, times
from flexmeasures_api.messages.parsing import check_amount, check_type, read_groups, read_values
from flexmeasures_api.messages.source_selection import Admitted
from flexmeasures_api.messages.status_codes import Refused, shown
from flexmeasures_api.messages.times import NOTHING, Period
from flexmeasures_api.messages.units import POWER, required_unit

if TYPE_CHECKING:
    from flexmeasures.timeseries import Floats, TimeSeries

MOST_QUANTILES = 20


def get_meter_data(call: Call) -> dict[str, Any]:
    """What was measured: beliefs recorded at or after their event's end, of users and scripts.

    Without a source: the user's own data and those of meter data companies.
    """
    return _get(call, ex_post=True)


def get_prognosis(call: Call) -> dict[str, Any]:
    """The newest belief of any source but imports, forecasts and schedules included, and measurements as well."""
    return _get(call, ex_post=False)


def get_prognosis_with_quantiles(call: Call) -> dict[str, Any]:
    """As getPrognosis; with the key quantiles also what the forecasters told of their uncertainty.

    The quantiles are those that came with the values of the answer, on the sensor's own resolution.
    """
    return _get(call, ex_post=False, with_quantiles=True)


def _get(call: Call, ex_post: bool, with_quantiles: bool = False) -> dict[str, Any]:
    """Validate in the prescribed order (the first failure wins), search, and word the answer."""
    message = call.message
    check_type(message, call.request_type)
    required_unit(message, "power", POWER)
    groups = read_groups(message, "connection")
    users = source_selection.read_users(message)
    horizon = times.read_horizon(message, repeating=True)
    if ex_post:
        times.check_ex_post(message, horizon, None)
    prior = times.read_prior(message)
    if ex_post:
        times.check_ex_post(message, horizon, prior)
    period = times.read_period(message)
    resolution = times.read_resolution(message)
    probabilities = read_quantiles(message, resolution) if with_quantiles else ()
    by_group = sensors.asset_ids(groups, call.version.simplified_addresses)
    ids = [asset_id for group in by_group for asset_id in group]
    assets = _accessible(call, ids, resolution)
    check_amount([period.duration // assets[asset_id].event_resolution for asset_id in ids], call.max_values)
    types = source_selection.METER_DATA if ex_post else source_selection.PROGNOSES
    who = source_selection.admitted(call.user, users, types, everybody=not ex_post)
    found = _search(list(assets.values()), period, (horizon, prior, resolution), who, ex_post)
    names = [name for group in groups for name in group.names]
    series = [(name, _known(found[asset_id])) for name, asset_id in zip(names, ids, strict=True)]
    end = period.echo() | {"unit": POWER[0]}
    if not probabilities:
        return merged(series, "connection") | end
    filters: dict[str, Any] = {"horizon_at_least": horizon, "prior": prior, "sources": who.ids}
    below = [
        beliefs.search_quantiles(assets[asset_id], period.start, period.end, probabilities, **filters)
        for asset_id in ids
    ]
    worded = [
        {"connection": name, "values": values, "quantiles": {f"{p:g}": _known(q) for p, q in each.items()}}
        for (name, values), each in zip(series, below, strict=True)
    ]
    return (worded[0] if len(worded) == 1 else {"groups": worded}) | end


def read_quantiles(message: dict[str, Any], resolution: timedelta | None) -> tuple[float, ...]:
    """The probabilities of the key quantiles, () without it; Refused for others than numbers between 0 and 1.

    Not together with a resolution: a mean of quantiles is no quantile of the mean.
    """
    raw = message.get("quantiles")
    if raw is None:
        return ()
    found = tuple(dict.fromkeys(read_values(raw, "quantiles").tolist()))
    if not all(0.0 < each < 1.0 for each in found) or len(found) > MOST_QUANTILES:
        text = (
            f"quantiles are {shown(raw)}. Accepted: up to {MOST_QUANTILES} numbers between 0 and 1, neither."
        )
        raise Refused("UNPROCESSABLE_ENTITY", {"json": {"quantiles": [text]}})
    if resolution is not None:
        text = "quantiles are told on the sensor's own resolution only. Accepted: no resolution."
        raise Refused("UNPROCESSABLE_ENTITY", {"json": {"quantiles": [text]}})
    return found


def _accessible(call: Call, ids: Sequence[int], resolution: timedelta | None) -> Mapping[int, Asset]:
    if resolution is None:
        assets = sensors.assets_by_id(ids)
    else:
        assets = sensors.existing_assets(ids)
        sensors.check_multiple(resolution, assets.values())
    sensors.check_access(call.user, ids, assets, "read")
    return assets


def _search(
    assets: list[Asset],
    period: Period,
    filters: tuple[timedelta | None, datetime | None, timedelta | None],
    who: Admitted,
    ex_post: bool,
) -> dict[int, TimeSeries]:
    horizon, prior, resolution = filters
    return beliefs.search(
        assets,
        period.start,
        period.end,
        horizon_at_least=horizon,
        horizon_at_most=NOTHING if ex_post else None,
        prior=prior,
        sources=who.ids,
        prefer_source=who.own,
        resolution=resolution,
        timezone=str(current_app.config.get("FLEXMEASURES_TIMEZONE") or "UTC"),
    )


def _known(series: TimeSeries) -> Floats:
    """One value a slot (NaN: unknown), or none at all when nothing in the window is known."""
    import numpy as np

    return series.values[:0] if np.isnan(series.values).all() else series.values


def merged(series: Sequence[tuple[object, Floats]], key: str) -> dict[str, Any]:
    """Identifiers with identical values as one group, in order of appearance; a single group is flattened.

    An identifier is what the client sent, under `key`; several are a list under the plural.
    """
    groups: dict[bytes, tuple[list[object], Floats]] = {}
    for name, values in series:
        groups.setdefault(values.tobytes(), ([], values))[0].append(name)
    worded = [
        ({key: names[0]} if len(names) == 1 else {f"{key}s": names}) | {"values": values}
        for names, values in groups.values()
    ]
    return worded[0] if len(worded) == 1 else {"groups": worded}
