"""Tariffs made and changed; called inside `with db.writing():`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select

from flexmeasures import timing
from flexmeasures.db import db
from flexmeasures.models import Market
from flexmeasures.timing import iso_duration, to_ms
from flexmeasures_master_data import create_market
from flexmeasures_tariffs.formula import Tariff, Version
from flexmeasures_tariffs.schema import TariffSchema, check_slots, kept, tariff_of

HOUR = timedelta(hours=1)
MOST_SLOTS = 2_000_000  # of fixed prices


def put_tariff(data: Mapping[str, Any]) -> tuple[Market, Tariff]:
    """Make the tariff of that name, or give it these versions; ValidationError names all bad fields.

    A version that is new, or other than the one that was kept for its day, counts as stated now; not of a new tariff.
    """
    fields: dict[str, Any] = TariffSchema().load(dict(data))
    versions = tuple(sorted(fields["versions"], key=lambda version: version.since))
    tariff = Tariff(timezone=fields["timezone"], versions=versions)
    market = db.session.scalar(select(Market).where(Market.name == fields["name"]))
    before = None if market is None else tariff_of(market)
    if market is not None and before is None:
        raise ValidationError("A market of that name has prices of its own.", "name")
    inputs = list(db.session.scalars(select(Market).where(Market.id.in_(tariff.markets))))
    resolution = _resolution(fields, market, inputs)
    _check_inputs(fields["unit"], resolution, inputs)
    check_slots([part for version in versions for part in version.parts], resolution)
    _refuse_too_many_slots(versions, resolution)
    if market is None:
        market = _made(fields, resolution)
    else:
        _check_same(market, fields, resolution)
        _refuse_circle(market, tariff)
        tariff = replace(tariff, versions=tuple(_stated(version, before) for version in versions))
    market.attributes = {**(market.attributes or {}), "tariff": kept(tariff)}
    db.session.flush()
    return market, tariff


def _made(fields: Mapping[str, Any], resolution: timedelta) -> Market:
    return create_market(
        {
            "name": fields["name"],
            "market_type_name": "tou_tariff",
            "unit": fields["unit"],
            "event_resolution": resolution // timedelta(minutes=1),
            "timezone": fields["timezone"],
        }
    )


def _resolution(fields: Mapping[str, Any], market: Market | None, inputs: list[Market]) -> timedelta:
    """What is stated, else that of the market that is there, else of the finest input."""
    if "resolution" in fields:
        return timedelta(minutes=fields["resolution"])
    if market is not None:
        return market.event_resolution
    return min((each.event_resolution for each in inputs), default=HOUR)


def _check_inputs(unit: str, resolution: timedelta, inputs: list[Market]) -> None:
    for each in inputs:
        if each.unit[:3] != unit[:3]:
            raise ValidationError(f"Market {each.name!r} is in {each.unit}, the tariff in {unit}.", "unit")
        if each.event_resolution % resolution:
            own, needed = iso_duration(each.event_resolution), iso_duration(resolution)
            text = f"Market {each.name!r} has slots of {own}, which are no whole number of slots of {needed}."
            raise ValidationError(text, "resolution")


def _refuse_too_many_slots(versions: tuple[Version, ...], resolution: timedelta) -> None:
    """Fixed prices are computed from their first day on."""
    fixed = [version.since for version in versions if not version.markets]
    days = (timing.server_now().date() - min(fixed)).days if fixed else 0
    if days * timedelta(days=1) / resolution > MOST_SLOTS:
        text = f"Fixed prices from {min(fixed)} on have more than {MOST_SLOTS:,} slots of {iso_duration(resolution)}."
        raise ValidationError(text, "versions")


def _check_same(market: Market, fields: Mapping[str, Any], resolution: timedelta) -> None:
    """Prices that are stored keep their unit and their slots."""
    if market.unit != fields["unit"]:
        raise ValidationError(f"Tariff {market.name!r} is in {market.unit}.", "unit")
    if market.event_resolution != resolution:
        raise ValidationError(
            f"Tariff {market.name!r} has slots of {iso_duration(market.event_resolution)}.", "resolution"
        )


def _refuse_circle(market: Market, tariff: Tariff) -> None:
    """ValidationError where a tariff would be computed from itself, by whatever way."""
    seen: set[int] = set()
    waiting = set(tariff.markets)
    while waiting:
        seen |= waiting
        inputs = [
            tariff_of(each) for each in db.session.scalars(select(Market).where(Market.id.in_(waiting)))
        ]
        waiting = set[int]().union(*(each.markets for each in inputs if each is not None)) - seen
    if market.id in seen:
        raise ValidationError(f"Tariff {market.name!r} would be computed from itself.", "versions")


def _stated(version: Version, before: Tariff | None) -> Version:
    """The version with the moment at which it took the place of another."""
    same = [
        each
        for each in (before.versions if before else ())
        if replace(each, stated=0) == replace(version, stated=0)
    ]
    return replace(version, stated=same[0].stated if same else to_ms(timing.server_now()))
