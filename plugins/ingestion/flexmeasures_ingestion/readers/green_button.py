"""Green Button files: interval readings of energy in ESPI XML (NAESB REQ.21).

The XML is read by defusedxml, piece by piece: entities and external documents are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures.errors import InputError
from flexmeasures_ingestion.readers.base import FileReader, Layout, Rows
from flexmeasures_ingestion.readers.files import Limited, binary, unreadable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

ESPI = "{http://naesb.org/espi}"
ATOM = "{http://www.w3.org/2005/Atom}"
UNITS = {"72": "Wh", "38": "W"}  # codes of UomType
LONGEST = 366 * 86_400  # seconds of a reading


@dataclass(frozen=True)
class ReadingType:
    """What the values of a series are.

    unit: None where none is said, else its name, or its code where it is no unit of electricity. multiplier: a power
    of ten. direction: 1 to the client, 19 by the client.
    """

    unit: str | None = None
    multiplier: int = 0
    direction: str = ""


Reading = tuple[int, int, float]  # start and end in ms, value


class GreenButton(FileReader):
    """Interval readings, with the unit and power of ten that the file states."""

    name = "green-button"
    title = "Green Button (ESPI XML); --where flowDirection=1 reads one direction of several"

    @classmethod
    def recognises(cls, path: Path, beginning: bytes) -> bool:
        """By the name space of ESPI."""
        return b"http://naesb.org/espi" in beginning

    def read(self, path: Path, layout: Layout) -> Rows:
        """The readings of one series, in order of time."""
        series, types = _parse(path)
        series = {parent: readings for parent, readings in series.items() if readings}
        if not series:
            raise InputError(f"{path} holds no interval readings.", "FILE", "IntervalReadings with a value")
        kind, readings = _wanted(path, series, types, layout)
        if kind.unit is not None and kind.unit not in UNITS.values():
            text = f"{path} is not about electric energy (unit code {kind.unit})."
            raise InputError(text, "FILE", "readings in Wh (code 72) or W (code 38)")
        rows = Rows(unit=kind.unit)
        for number, (start, end, value) in enumerate(sorted(readings), 1):
            rows.add(start, value * 10.0**kind.multiplier, number, end)
        if rows.empty == len(rows.values):
            raise InputError(f"{path} holds no values.", "FILE", "IntervalReadings with a value")
        return rows


def _parse(path: Path) -> tuple[dict[str, list[Reading]], dict[str, ReadingType]]:
    """Series by the address of their meter reading; reading types by the addresses that lead to them."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    series: dict[str, list[Reading]] = {}
    types: dict[str, ReadingType] = {}
    related: dict[str, str] = {}
    try:
        with binary(path) as raw:
            for _, element in iterparse(Limited(raw, path), events=("end",), forbid_dtd=True):
                if element.tag == f"{ATOM}entry":
                    _entry(element, series, types, related)
                    element.clear()
    except (ParseError, DefusedXmlException, OSError, EOFError) as error:
        raise unreadable(path, f"{type(error).__name__}: {error}") from None
    for address, target in related.items():
        if target in types:
            types[address] = types[target]
    return series, types


def _entry(
    entry: Element, series: dict[str, list[Reading]], types: dict[str, ReadingType], related: dict[str, str]
) -> None:
    links: dict[str, list[str]] = {}
    for link in entry.iter(f"{ATOM}link"):
        links.setdefault(link.get("rel", ""), []).append(link.get("href", ""))
    own = links.get("self", [""])[0]
    for kind in entry.iter(f"{ESPI}ReadingType"):
        code = kind.findtext(f"{ESPI}uom")
        types[own] = ReadingType(
            unit=None if code is None else UNITS.get(code, code),
            multiplier=_power_of_ten(kind.findtext(f"{ESPI}powerOfTenMultiplier") or "0"),
            direction=kind.findtext(f"{ESPI}flowDirection") or "",
        )
    if entry.find(f".//{ESPI}MeterReading") is not None:
        for target in links.get("related", []):
            if "ReadingType" in target:
                related[own] = target
    for block in entry.iter(f"{ESPI}IntervalBlock"):
        parent = links.get("up", [own.rpartition("/IntervalBlock")[0]])[0].removesuffix("/IntervalBlock")
        readings = series.setdefault(parent, [])
        for reading in block.iter(f"{ESPI}IntervalReading"):
            readings.append(_reading(reading))


def _power_of_ten(text: str) -> int:
    """The codes of the standard go from -12 (pico) to 9 (giga)."""
    if text.strip().lstrip("-+").isdecimal() and -12 <= int(text) <= 12:
        return int(text)
    raise InputError(f"A powerOfTenMultiplier is {text[:40]!r}.", "FILE", "a whole number from -12 to 12")


def _reading(reading: Element) -> Reading:
    try:
        start = int(reading.findtext(f"{ESPI}timePeriod/{ESPI}start") or "")
        length = int(reading.findtext(f"{ESPI}timePeriod/{ESPI}duration") or "")
        value = float(reading.findtext(f"{ESPI}value") or "nan")
    except ValueError:
        text = "An IntervalReading has no whole seconds of start and duration, or a value that is no number."
        raise InputError(text, "FILE", "timePeriod with start and duration, and value") from None
    if not 0 < length <= LONGEST or not 0 <= start < 4_102_444_800:
        text = f"An IntervalReading starts at {start} and lasts {length} seconds."
        raise InputError(text, "FILE", "a start from 1970 to 2100 and a positive duration of a year at most")
    return start * 1000, (start + length) * 1000, value


def _wanted(
    path: Path, series: dict[str, list[Reading]], types: dict[str, ReadingType], layout: Layout
) -> tuple[ReadingType, list[Reading]]:
    """The one series that is there, or that --where chooses by its direction or address."""
    only = next(iter(types.values())) if len(set(types.values())) == 1 else ReadingType()
    found = {parent: (types.get(parent, only), each) for parent, each in series.items()}
    for name, text in layout.where:
        if name not in ("flowDirection", "MeterReading"):
            raise InputError(
                f"--where {name!r} has no meaning here.", "--where", "flowDirection, MeterReading"
            )
        found = {
            parent: (kind, each)
            for parent, (kind, each) in found.items()
            if text == (kind.direction if name == "flowDirection" else parent)
        }
    if len(found) != 1:
        known = [
            f"MeterReading={parent} (flowDirection={kind.direction or 'none'})"
            for parent, (kind, _) in found.items()
        ]
        text = f"{path} holds {len(found)} series{' that --where names' if layout.where else ''}."
        raise InputError(text, "--where", ", ".join(known[:10]) or "one that is there")
    return next(iter(found.values()))
