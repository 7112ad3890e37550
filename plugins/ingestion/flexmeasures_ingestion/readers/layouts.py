"""Tables of well-known layouts, each told by its header: market data, home automation, inverters, charging sessions."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

from flexmeasures.errors import InputError
from flexmeasures_ingestion.readers.base import STATES, Layout, Rows
from flexmeasures_ingestion.readers.files import CSV_FILE, table_rows
from flexmeasures_ingestion.readers.tables import TableReader, header_of, unit_in

# Zones of the clocks that ENTSO-E's exports name in their header.
ZONES = {
    "UTC": "UTC",
    "CET/CEST": "Europe/Brussels",
    "WET/WEST": "Europe/Lisbon",
    "EET/EEST": "Europe/Helsinki",
}
# Names of columns of sessions in English, German and Dutch.
STARTS = frozenset({
    "created", "start", "started", "start time", "start date", "begin", "connected", "plugged in", "charging start",
    "beginn", "ladebeginn", "startzeit", "von", "starttijd", "begintijd",
})  # fmt: skip
ENDS = frozenset({
    "finished", "end", "ended", "end time", "end date", "stop", "disconnected", "unplugged", "charging end",
    "ende", "ladeende", "endzeit", "bis", "eindtijd",
})  # fmt: skip
AMOUNTS = (
    "energy",
    "consumption",
    "charged",
    "volume",
    "delivered",
    "kwh",
    "energie",
    "verbrauch",
    "verbruik",
    "geladen",
)
ENERGIES = re.compile(r"[kMG]?Wh", re.IGNORECASE)
FORMAT_CELL = re.compile(r"\[?([dMyHms./: -]*yy[dMyHms./: -]*)\]?")


def _header(head: list[list[str]]) -> list[str]:
    return head[0] if head else []


def _first_cell(head: list[list[str]]) -> str:
    """The first cell below the header, "" where there is none."""
    return head[1][0] if len(head) > 1 and head[1] else ""


class Smard(TableReader):
    """Exports of smard.de: `Datum von`, `Datum bis`, one column a series; German or English."""

    name = "smard"
    title = "exports of smard.de (German or English)"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By the names of the first two columns."""
        first = tuple(_header(head)[:2])
        zone = ZoneInfo("Europe/Berlin")
        if first == ("Datum von", "Datum bis"):
            form = "%d.%m.%Y %H:%M"
            return Layout(endcol="1", valuecol="2", date_format=form, decimal=",", timezone=zone)
        if first == ("Start date", "End date"):
            form = "%b %d, %Y %I:%M %p"
            return Layout(endcol="1", valuecol="2", date_format=form, thousands=",", timezone=zone)
        return None


class EntsoeExport(TableReader):
    """Exports by hand of the ENTSO-E transparency platform: a range of times in the first cell."""

    name = "entsoe-export"
    title = "exports of the ENTSO-E transparency platform's pages"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By the name of the first column, which holds the zone of the clocks: `MTU (CET/CEST)`."""
        header = _header(head)
        found = re.fullmatch(r"MTU \((.+)\)", header[0]) if header else None
        if found is None:
            return None
        zone = ZONES.get(found[1])
        units = [
            k for k, name in enumerate(header) if k and re.search(r"(EUR|[A-Z]{3})\s*/\s*MWh|\bMW\b", name)
        ]
        column = units[0] if units else 1
        unit = re.search(r"[A-Z]{3}\s*/\s*MWh|\bMW\b", header[column]) if column < len(header) else None
        return Layout(
            valuecol=str(column),
            date_format="%d.%m.%Y %H:%M" if _first_cell(head)[2:3] == "." else "%d/%m/%Y %H:%M",
            timezone=None if zone is None else ZoneInfo(zone),
            unit=None if unit is None else unit[0].replace(" ", ""),
        )


class HomeAssistantHistory(TableReader):
    """Histories of Home Assistant: states at irregular times; each holds until the next."""

    name = "home-assistant"
    title = "histories of Home Assistant (states at irregular times)"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By the columns entity_id, state and last_changed (or last_updated)."""
        header = _header(head)
        times = [name for name in ("last_changed", "last_updated") if name in header]
        if not times or not {"entity_id", "state"} <= set(header):
            return None
        return Layout(datecol=times[0], valuecol="state", kind=STATES)

    def read(self, path: Path, layout: Layout) -> Rows:
        """All rows of one entity; InputError where the file holds several and none is named."""
        if not layout.where:
            table = table_rows(path, CSV_FILE, layout.delimiter or ",")
            header = header_of(table, 1)
            if "entity_id" not in header:
                raise InputError(f"{path} has no column entity_id.", "--reader", "another reader")
            place = header.index("entity_id")
            names = sorted({cells[place] for _, cells in table if len(cells) > place})
            if len(names) > 1:
                known = " or ".join(f"--where entity_id={name}" for name in names[:10])
                raise InputError(f"{path} holds {len(names)} entities.", "--where", known)
        return super().read(path, layout)


class Intervals(TableReader):
    """Rows with a start, an end and an energy: charging sessions, or the half hours of a supplier."""

    name = "intervals"
    title = "charging sessions, and other rows with start, end and energy"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By names of columns for a start, an end and an amount of energy with its unit."""
        header = _header(head)
        names = [re.sub(r"[_\s]+", " ", name).casefold() for name in header]
        start = next((k for k, name in enumerate(names) if name in STARTS), None)
        end = next((k for k, name in enumerate(names) if name in ENDS), None)
        amounts = [k for k, name in enumerate(names) if name.startswith(AMOUNTS) and _energy_unit(header[k])]
        if start is None or end is None or not amounts:
            return None
        column = amounts[0]
        return Layout(
            datecol=str(start), endcol=str(end), valuecol=str(column), unit=_energy_unit(header[column])
        )


def _energy_unit(name: str) -> str | None:
    """kWh of `Energy (kWh)`, `Consumption (kwh)` or `energy_kwh`."""
    said = unit_in(name) or re.split(r"[_\s]", name)[-1]
    if not ENERGIES.fullmatch(said):
        return None
    return {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "gwh": "GWh"}[said.lower()]


class Described(TableReader):
    """Exports with a row that says how dates are written and in which units values are, as of SMA and Fronius."""

    name = "described"
    title = "exports of inverters with a row of formats and units, as of SMA and Fronius"

    @classmethod
    def layout_of(cls, head: list[list[str]]) -> Layout | None:
        """By a row whose first cell is a format of dates, such as dd.MM.yyyy HH:mm."""
        for k, cells in enumerate(head):
            form = FORMAT_CELL.fullmatch(cells[0]) if cells else None
            if form is None:
                continue
            comma = any("," in cell for row in head[k + 1 :] for cell in row[1:])
            return Layout(skiprows=k + 1, date_format=form[1], decimal="," if comma else ".")
        return None

    @staticmethod
    def unit_of(name: str) -> str | None:
        """The cell of the row of units."""
        return name.strip("[]") or None


BUILT_IN = (Smard, EntsoeExport, HomeAssistantHistory, Intervals, Described)
