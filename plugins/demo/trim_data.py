"""Makes flexmeasures_demo/data/ from the project's data sets: python plugins/demo/trim_data.py FOLDER

FOLDER holds home_fontana_a.csv.gz, price_de.csv.gz and wind_offshore_de_2017_2018.csv.gz. What is changed is
told in flexmeasures_demo/data/LICENCES.md.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections.abc import Callable
from datetime import datetime
from math import cos, pi, radians, sin
from pathlib import Path

FIRST, LAST = "2017-02-20T00:00:00Z", "2017-06-29T22:00:00Z"
FONTANA = (34.09, -117.43)
TARGET = Path(__file__).parent / "flexmeasures_demo" / "data"

Row = dict[str, str]


def sine_of_elevation(moment: datetime, latitude: float, longitude: float) -> float:
    """Sine of the sun's height above the horizon, to about half a degree (Spencer's series, 1971)."""
    hour = moment.hour + moment.minute / 60
    day = 2 * pi * (moment.timetuple().tm_yday - 1 + hour / 24) / 365
    declination = 0.006918 - 0.399912 * cos(day) + 0.070257 * sin(day) - 0.006758 * cos(2 * day)
    declination += 0.000907 * sin(2 * day) - 0.002697 * cos(3 * day) + 0.00148 * sin(3 * day)
    equation = 0.000075 + 0.001868 * cos(day) - 0.032077 * sin(day) - 0.014615 * cos(2 * day)
    equation -= 0.040849 * sin(2 * day)
    angle = radians(15 * (hour - 12) + longitude) + equation
    phi = radians(latitude)
    return sin(phi) * sin(declination) + cos(phi) * cos(declination) * cos(angle)


def horizontal_radiation(row: Row) -> str:
    """Diffuse plus direct radiation on the horizontal plane at the middle of the hour, kW/m²."""
    if not row["dhi_w_m2"] or not row["dni_w_m2"]:
        return ""
    middle = datetime.fromisoformat(row["event_start"]).replace(minute=30)
    height = max(0.0, sine_of_elevation(middle, *FONTANA))
    return f"{(float(row['dhi_w_m2']) + float(row['dni_w_m2']) * height) / 1000:.4f}"


def column(name: str) -> Callable[[Row], str]:
    """Take a column as it is."""
    return lambda row: row[name]


FILES: dict[str, tuple[str, dict[str, Callable[[Row], str]]]] = {
    "home.csv.gz": (
        "home_fontana_a.csv.gz",
        {
            "load_kw": column("load_kw"),
            "pv_w_per_kwp": column("pv_w_per_kwp"),
            "temperature_c": column("temperature_c"),
            "radiation_kw_m2": horizontal_radiation,
        },
    ),
    "price.csv.gz": ("price_de.csv.gz", {"price_eur_mwh": column("price_eur_mwh")}),
    "wind.csv.gz": ("wind_offshore_de_2017_2018.csv.gz", {"offshore_wind_mw": column("offshore_wind_mw")}),
}


def trim(source: Path, target: Path, columns: dict[str, Callable[[Row], str]]) -> None:
    """Write the rows of the demo's period; the same input gives the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["event_start", *columns])
    with gzip.open(source, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            if FIRST <= row["event_start"] < LAST:
                writer.writerow([row["event_start"], *(value(row) for value in columns.values())])
    target.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))


if __name__ == "__main__":
    for name, (source, columns) in FILES.items():
        trim(Path(sys.argv[1]) / source, TARGET / name, columns)
