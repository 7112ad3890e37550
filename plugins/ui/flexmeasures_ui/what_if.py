"""What a schedule would cost with one of its limits changed: the question of the asset's page, and its answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import flexmeasures_scheduling as scheduling
from flexmeasures.errors import FlexMeasuresError
from flexmeasures.models import Asset
from flexmeasures_charts.formatting import number
from flexmeasures_translation import gettext, marked
from flexmeasures_ui.quantities import quantity

# What can be changed, and how it is called; all in MW or MWh.
CHOICES = {
    "capacity_in_mw": marked("power limit, MW"),
    "max_soc_in_mwh": marked("largest state of charge, MWh"),
    "min_soc_in_mwh": marked("smallest state of charge, MWh"),
    "soc_at_start": marked("state of charge at the start, MWh"),
}
SMALLEST = 0.005  # of the currency: less is no difference


@dataclass(frozen=True)
class Question:
    """Which limit, changed to what, as typed; the answer in words, or what was wrong with the question."""

    what: str = next(iter(CHOICES))
    to: str = ""
    answer: str = ""
    reasons: tuple[str, ...] = ()
    error: str = ""


def question_of(asset: Asset, query: Mapping[str, str]) -> Question:
    """The question that a request asks by `what` and `to`, answered; an empty one when it asks none."""
    what, to = query.get("what", ""), query.get("to", "").strip()
    if not what and not to:
        return Question()
    stored = scheduling.newest_schedule(asset)
    if what not in CHOICES or stored is None:
        return Question(
            to=to,
            error=gettext("Choose one of: %(choices)s.", choices=", ".join(map(gettext, CHOICES.values()))),
        )
    try:
        value = quantity(to, CHOICES[what].rpartition(", ")[2])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return Question(
            what,
            to,
            error=gettext("%(text)s is not a number.", text=repr(to)) if to else gettext("Type a number."),
        )
    try:
        found = scheduling.what_if(stored, {what: value})
    except FlexMeasuresError as error:
        return Question(what, to, error=str(error))
    name, _, unit = gettext(CHOICES[what]).partition(", ")
    values = {"limit": name, "value": f"{number(value)} {unit}"}
    if "conflicts" in found:
        said = gettext("With a %(limit)s of %(value)s there is no such plan.", **values)
        return Question(what, to, said, (*found["conflicts"], *found["advice"]))
    more, money = found["more"], stored.price_unit.partition("/")[0]
    if abs(more) < SMALLEST:
        return Question(what, to, gettext("With a %(limit)s of %(value)s it would cost the same.", **values))
    values |= {"amount": f"{money} {number(abs(more))}"}
    if more > 0:
        return Question(
            what, to, gettext("With a %(limit)s of %(value)s it would cost %(amount)s more.", **values)
        )
    return Question(
        what, to, gettext("With a %(limit)s of %(value)s it would cost %(amount)s less.", **values)
    )
