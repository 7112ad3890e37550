"""Who said what is shown: of each line, the sources that may be chosen, and those that were."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexmeasures.beliefs import speakers
from flexmeasures.errors import InputError
from flexmeasures.models import Source
from flexmeasures.models.sources import EXPECTING, SCHEDULING_SCRIPT
from flexmeasures_translation import gettext, marked
from flexmeasures_ui.access import REPORTING

if TYPE_CHECKING:
    from flexmeasures.models import Sensor
    from flexmeasures_ui.time_window import Window

POWER, COSTS, PRICES, WEATHER = "power", "costs", "prices", "weather"
REALISED, EXPECTED, SCHEDULED = "realised", "expected", "scheduled"
Lines = Mapping[tuple[str, str], frozenset[int]]
ALL_TYPES = tuple({*EXPECTING, *REPORTING, SCHEDULING_SCRIPT})
TITLES = {
    (POWER, REALISED): marked("Power, realised"),
    (POWER, EXPECTED): marked("Power, expected"),
    (POWER, SCHEDULED): marked("Power, scheduled"),
    (PRICES, REALISED): marked("Prices, realised"),
    (PRICES, EXPECTED): marked("Prices, expected"),
    (WEATHER, REALISED): marked("Weather, realised"),
    (WEATHER, EXPECTED): marked("Weather, expected"),
}


@dataclass(frozen=True)
class Choice:
    """A source that may be chosen for a line. value: as in the query string; here: whether it said anything here."""

    value: str
    name: str
    chosen: bool
    here: bool


def sources_by_line(text: str) -> Lines:
    """Ids of sources by plot and line, of "power-expected-7,power-expected-9"; InputError for anything else."""
    found: dict[tuple[str, str], set[int]] = {}
    for part in filter(None, text.split(",")):
        plot, line, number = ([*part.split("-"), "", ""])[:3]
        if (plot, line) not in TITLES or not (number.isascii() and number.isdigit() and len(number) < 10):
            raise InputError(
                gettext("%(field)s %(value)s is not understood.", field="sources", value=repr(part)),
                "sources",
                "power-expected-7",
            )
        found.setdefault((plot, line), set()).add(int(number))
    return {line: frozenset(ids) for line, ids in found.items()}


def as_text(lines: Lines) -> str:
    """What `sources_by_line` reads."""
    return ",".join(f"{plot}-{line}-{each}" for (plot, line), ids in lines.items() for each in sorted(ids))


def choices(
    sensors: Mapping[str, Sequence[Sensor]], window: Window, chosen: Lines
) -> dict[str, list[Choice]]:
    """By title of a line, who may be chosen: those who said something in the window, and those chosen before.

    sensors: by plot. Reads all that is known of the window: only for those who ask.
    """
    offered: dict[str, list[Choice]] = {}
    for plot, shown in sensors.items():
        said = speakers(shown, window.start, window.end, ALL_TYPES) if shown else []
        for (of_plot, line), title in TITLES.items():
            if of_plot != plot:
                continue
            names = {
                source.id: source.description
                for _, source, ahead in said
                if _speaks(plot, line, source, ahead)
            }
            ids = chosen.get((plot, line), frozenset())
            found = [_choice(plot, line, each, names, ids) for each in sorted({*names, *ids})]
            if found:
                offered[title] = found
    return offered


def _choice(plot: str, line: str, number: int, names: Mapping[int, str], chosen: Collection[int]) -> Choice:
    # Of who said nothing here no name is told: it could be of a user whom the reader may not know.
    name = names.get(number) or gettext("source %(number)s", number=number)
    return Choice(f"{plot}-{line}-{number}", name, number in chosen, number in names)


def _speaks(plot: str, line: str, source: Source, ahead: bool) -> bool:
    """Whether a source that spoke ahead of events, or after them, is heard on a line."""
    if line == SCHEDULED:
        return source.type == SCHEDULING_SCRIPT
    if line == EXPECTED:
        return ahead and source.type in EXPECTING
    if plot == PRICES:
        return source.type in REPORTING
    return not ahead
