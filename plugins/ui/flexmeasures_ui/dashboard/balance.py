"""Where power comes from and where it goes, by the newest values; the grid is what is missing on a side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from flexmeasures.beliefs import search_one
from flexmeasures.models import Asset
from flexmeasures_charts.formatting import number
from flexmeasures_master_data.asset_groups import OF_TYPES, plural
from flexmeasures_translation import gettext, marked
from flexmeasures_ui.dashboard import drawings
from flexmeasures_ui.money import currency_of

GRID = marked("grid")


@dataclass(frozen=True)
class Side:
    """One side of the balance: its bar, and the amounts in words."""

    title: str
    bar: Markup
    parts: tuple[tuple[str, str, str], ...]  # class of the colour, name, amount with unit


@dataclass(frozen=True)
class Group:
    """Some of the user's assets under one name. now: their power together, "" where none is known."""

    name: str
    icon_of: str
    count: int
    now: str


def sides(
    powers: Mapping[int, float], assets: Sequence[Asset], unit: str, per_mw: float
) -> tuple[Side, Side] | None:
    """Sources and uses of power (MW by asset id, consumption positive); None where nothing is known."""
    if not powers:
        return None
    produced: dict[str, float] = {}
    consumed: dict[str, float] = {}
    for asset in assets:
        power = powers.get(asset.id, 0.0)
        into = consumed if power > 0 else produced
        if power:
            into[asset.type_name] = into.get(asset.type_name, 0.0) + abs(power)
    net = sum(powers.values())
    (produced if net > 0 else consumed)[GRID] = abs(net)
    return (
        _side(gettext("Comes from"), produced, assets, unit, per_mw),
        _side(gettext("Goes to"), consumed, assets, unit, per_mw),
    )


def _side(
    title: str, amounts: Mapping[str, float], assets: Sequence[Asset], unit: str, per_mw: float
) -> Side:
    names = {asset.type_name: asset.type.display_name if asset.type else asset.type_name for asset in assets}
    parts = [
        (kind, gettext(names.get(kind, kind)), f"{number(amount * per_mw)} {unit}")
        for kind, amount in sorted(amounts.items(), key=lambda item: (item[0] == GRID, -item[1]))
        if amount > 0
    ]
    bar = drawings.bar([(kind, amounts[kind], f"{name} {words}") for kind, name, words in parts])
    return Side(title, bar, tuple(parts))


def money(net: float, assets: Sequence[Asset], now: datetime) -> str:
    """What the net power costs or earns in an hour at the present price; "" where that is not known."""
    markets = {asset.market_id: asset.market for asset in assets}
    market = next(iter(markets.values())) if len(markets) == 1 else None
    if market is None or not net:
        return ""
    values = search_one(market, now, now + market.event_resolution).values
    price = next((float(value) for value in values if value == value), None)
    if price is None:
        return ""
    currency, per_mwh = currency_of(market.unit)
    per_hour = net * price * per_mwh
    words = {"price": f"{number(price)} {market.unit}", "amount": f"{number(abs(per_hour))} {currency}"}
    if per_hour > 0:
        return gettext("At %(price)s this costs %(amount)s an hour.", **words)
    return gettext("At %(price)s this earns %(amount)s an hour.", **words)


def groups(assets: Sequence[Asset], powers: Mapping[int, float], unit: str, per_mw: float) -> list[Group]:
    """The groups of which the user has assets: a type each, and those of several types."""
    by_type: dict[str, list[Asset]] = {}
    for asset in assets:
        by_type.setdefault(asset.type_name, []).append(asset)
    found = [
        (plural(same[0].type.display_name) if same[0].type else marked("without type"), kind, same)
        for kind, same in by_type.items()
    ]
    for name, kinds in OF_TYPES.items():
        same = [asset for kind in kinds for asset in by_type.get(kind, [])]
        if len({asset.type_name for asset in same}) > 1:
            found.append((name, kinds[0], same))
    return [Group(name, kind, len(same), _now(same, powers, unit, per_mw)) for name, kind, same in found]


def _now(assets: Sequence[Asset], powers: Mapping[int, float], unit: str, per_mw: float) -> str:
    known = [powers[asset.id] for asset in assets if asset.id in powers]
    return f"{number(sum(known) * per_mw)} {unit}" if known else ""
