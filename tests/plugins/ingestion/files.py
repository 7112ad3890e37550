"""Files that tests of readers make: Green Button, workbooks, and the constants that they share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

CONSUMED = ("--source", "meter", "--sign", "consumption-positive")
HERE = ("--timezone", "Europe/Amsterdam")
HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
Stored = Callable[[Any], dict[datetime, float]]

SMARD = """\ufeffDatum von;Datum bis;Deutschland/Luxemburg [€/MWh] Originalauflösungen
26.10.2025 00:00;26.10.2025 00:15;1.234,56
26.10.2025 00:15;26.10.2025 00:30;-12,30
26.10.2025 00:30;26.10.2025 00:45;-
26.10.2025 02:45;26.10.2025 02:00;3
26.10.2025 02:00;26.10.2025 02:15;4
"""


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type,misc]


READING = (
    "<IntervalReading><timePeriod><duration>3600</duration><start>{start}</start></timePeriod>"
    "<value>{value}</value></IntervalReading>"
)


def green_button(*series: tuple[str, str, list[tuple[int, int]]]) -> str:
    """Series as (direction, power of ten, readings)."""
    entries = ""
    for number, (direction, power, readings) in enumerate(series):
        body = "".join(READING.format(start=start, value=value) for start, value in readings)
        entries += (
            f'<entry><link rel="self" href="/ReadingType/{number}"/><content><ReadingType xmlns="http://naesb.org/espi">'
            f"<flowDirection>{direction}</flowDirection><powerOfTenMultiplier>{power}</powerOfTenMultiplier>"
            "<uom>72</uom></ReadingType></content></entry>"
            f'<entry><link rel="self" href="/MeterReading/{number}"/>'
            f'<link rel="related" href="/ReadingType/{number}"/>'
            '<content><MeterReading xmlns="http://naesb.org/espi"/></content></entry>'
            f'<entry><link rel="up" href="/MeterReading/{number}/IntervalBlock"/><content>'
            f'<IntervalBlock xmlns="http://naesb.org/espi">{body}</IntervalBlock></content></entry>'
        )
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entries}</feed>'


def workbook(frame: Any) -> bytes:
    """A workbook with one sheet `load`, in the smallest form that the standard (ECMA-376) allows."""
    import io
    import zipfile

    types = "http://schemas.openxmlformats.org"
    rows = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in frame.columns).join(
        ("<row>", "</row>")
    )
    for time, value in frame.itertuples(index=False):
        days = (time.tz_localize(UTC) - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
        number = "" if value != value else f"<v>{value}</v>"
        rows += f'<row><c s="1"><v>{days!r}</v></c><c>{number}</c></row>'
    files = {
        "[Content_Types].xml": f'<Types xmlns="{types}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{types}/package/2006/relationships"><Relationship Id="a"'
        f' Type="{types}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{types}/spreadsheetml/2006/main"'
        f' xmlns:r="{types}/officeDocument/2006/relationships"><sheets><sheet name="load" sheetId="1" r:id="b"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{types}/package/2006/relationships"><Relationship Id="b"'
        f' Type="{types}/officeDocument/2006/relationships/worksheet" Target="worksheets/a.xml"/><Relationship Id="c"'
        f' Type="{types}/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{types}/spreadsheetml/2006/main"><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/worksheets/a.xml": f'<worksheet xmlns="{types}/spreadsheetml/2006/main"><sheetData>{rows}</sheetData>'
        "</worksheet>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()
