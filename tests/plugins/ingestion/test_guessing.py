"""Tables of layouts that nobody described, made after those of meter operators, loggers and portals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from .files import CONSUMED, HERE, QUARTER, Stored, at

# A battery of 2 MW, slots of 15 minutes; values in MW (consumption positive) by event start in UTC.
# HERE is Europe/Amsterdam.
LAYOUTS: dict[str, tuple[str, tuple[str, ...], dict[datetime, float]]] = {
    "times and values divided by semicolons, whose times are ends": (
        "Horodate;Valeur\n2025-06-01T00:15:00+02:00;400\n2025-06-01T00:30:00+02:00;800\n",
        ("--unit", "W", "--labels", "end"),
        {at(2025, 5, 31, 22): 0.0004, at(2025, 5, 31, 22, 15): 0.0008},
    ),
    "start, end, code, register, volume and unit in columns of their own": (
        (
            "Van Datum;Van Tijdstip;Tot Datum;Tot Tijdstip;EAN-code;Register;Volume;Eenheid\n"
            '30-09-2025;00:00:00;30-09-2025;00:15:00;="5414";Afname;0,5;kWh\n'
            '30-09-2025;00:15:00;30-09-2025;00:30:00;="5414";Afname;0,25;kWh\n'
            '30-09-2025;00:00:00;30-09-2025;00:15:00;="5414";Injectie;7,5;kWh\n'
        ),
        ("--where", "Register=Afname"),
        {at(2025, 9, 29, 22): 0.002, at(2025, 9, 29, 22, 15): 0.001},
    ),
    "a preamble, then dates and times of day": (
        (
            'Name,JOHN\nAddress,"1 STREET"\n\nTYPE,DATE,START TIME,END TIME,USAGE (kWh),NOTES\n'
            "Electric usage,2025-06-01,00:00,00:14,0.5,\nElectric usage,2025-06-01,00:15,00:29,0.25,\n"
        ),
        (),
        {at(2025, 5, 31, 22): 0.002, at(2025, 5, 31, 22, 15): 0.001},
    ),
    "ends of slots by the header, the newest first, the unit in a cell": (
        (
            "MPRN,Meter Serial Number,Read Value,Read Type,Read Date and End Time\n"
            "10012345678,22,2,Active Import Interval (kW),31-10-2025 00:15\n"
            "10012345678,22,1,Active Import Interval (kW),31-10-2025 00:00\n"
        ),
        (),
        {at(2025, 10, 30, 23): 0.002, at(2025, 10, 30, 22, 45): 0.001},
    ),
    "a mark of Excel, hours until 24:00": (
        "sep=;\nDatum;Uhrzeit;Wert (kWh)\n30.09.2025;23:30;0,5\n30.09.2025;23:45;0,25\n30.09.2025;24:00;1\n",
        (),
        {at(2025, 9, 30, 21, 15): 0.002, at(2025, 9, 30, 21, 30): 0.001, at(2025, 9, 30, 21, 45): 0.004},
    ),
    "years first with slashes": (
        "cups;fecha;hora;consumo_kWh;metodoObtencion\nES1;2025/10/01;00:00;0,5;Real\nES1;2025/10/01;00:15;1;Real\n",
        (),
        {at(2025, 9, 30, 22): 0.002, at(2025, 9, 30, 22, 15): 0.004},
    ),
    "months first with mornings": (
        "Date,Time,kWh\n6/13/2025,12:00 AM,0.5\n6/13/2025,12:15 AM,0.25\n",
        (),
        {at(2025, 6, 12, 22): 0.002, at(2025, 6, 12, 22, 15): 0.001},
    ),
    "units in a row of their own": (
        "Datum und Uhrzeit;Energie\n[dd.MM.yyyy HH:mm];[Wh]\n01.06.2025 00:00;500\n01.06.2025 00:15;250,5\n",
        (),
        {at(2025, 5, 31, 22): 0.002, at(2025, 5, 31, 22, 15): 0.001002},
    ),
    "annotated rows of a query, the window in columns beside": (
        (
            "#group,false,false,true,true,false,false,true\n#default,mean,,,,,,\n"
            ",result,table,_start,_stop,_time,_value,_field\n"
            ",,0,2025-06-01T00:00:00Z,2025-06-02T00:00:00Z,2025-06-01T00:15:00Z,1.5,W\n"
            ",,0,2025-06-01T00:00:00Z,2025-06-02T00:00:00Z,2025-06-01T00:30:00Z,2.5,W\n"
        ),
        (),
        {at(2025, 6, 1, 0, 15): 1.5e-6, at(2025, 6, 1, 0, 30): 2.5e-6},
    ),
    "statistics beside a mean": (
        (
            "statistic_id,unit,start,mean,min,max\n"
            "sensor.power,W,2025-06-01 00:00:00+00:00,100,50,150\nsensor.power,W,2025-06-01 00:15:00+00:00,110,50,150\n"
        ),
        (),
        {at(2025, 6, 1): 0.0001, at(2025, 6, 1, 0, 15): 0.00011},
    ),
    "tabs": (
        "Zeitstempel\tLeistung [kW]\n2025-06-01 00:00\t1,5\n2025-06-01 00:15\t1.234,5\n",
        (),
        {at(2025, 5, 31, 22): 0.0015, at(2025, 5, 31, 22, 15): 1.2345},
    ),
    "nanoseconds since 1970": (
        "time,value\n1748736000000000000,1.5\n1748736900000000000,2.5\n",
        ("--unit", "kW"),
        {at(2025, 6, 1): 0.0015, at(2025, 6, 1, 0, 15): 0.0025},
    ),
    "microseconds since 1970": (
        "time,value\n1748736000000000,1.5\n1748736900000000,2.5\n",
        ("--unit", "kW"),
        {at(2025, 6, 1): 0.0015, at(2025, 6, 1, 0, 15): 0.0025},
    ),
}


def test_rows_of_days_are_guessed_too(add: Any, radiation: Any, stored: Stored) -> None:
    rows = "".join(f"{day}.03.2025;{value},5;klar\n" for day, value in ((29, 100), (30, 200), (31, 50)))
    content = f"Datum;Globalstrahlung (W/m²);Wetter\n{rows}"
    result = add(radiation, content, "--source", "meter", *HERE)
    assert result.exit_code == 0, result.output
    found = stored(radiation)
    assert len(found) == 24 + 23 + 24  # clocks went forward on the 30th
    assert found[at(2025, 3, 29, 23)] == 0.2005


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_guessed_where_it_is_clear(add: Any, battery: Any, stored: Stored, layout: str) -> None:
    content, words, expected = LAYOUTS[layout]
    result = add(battery, content, *CONSUMED, *HERE, *words)
    assert result.exit_code == 0, result.output
    assert stored(battery) == pytest.approx(expected)


@pytest.mark.parametrize(
    "content",
    [
        "timestamp (UTC);energyConsumption (kWh)\n2025-06-01 00:00;0.5\n2025-06-01 00:15;0.25\n",
        "latitude,longitude,timezone\n52.5,13.4,GMT\n\ntime,load (kW)\n2025-06-01T00:00,2\n2025-06-01T00:15,1\n",
    ],
)
def test_a_zone_that_the_file_tells_need_not_be_given(
    add: Any, battery: Any, stored: Stored, content: str
) -> None:
    result = add(battery, content, *CONSUMED)
    assert result.exit_code == 0, result.output
    assert stored(battery) == pytest.approx({at(2025, 6, 1): 0.002, at(2025, 6, 1, 0, 15): 0.001})


def test_what_was_guessed_is_told(add: Any, battery: Any) -> None:
    content, words, _ = LAYOUTS["start, end, code, register, volume and unit in columns of their own"]
    told = add(battery, content, *CONSUMED, *HERE, *words).output
    assert (
        "Guessed: times from column 'Van Datum' and column 'Van Tijdstip', values from column 'Volume'"
        in told
    )


def test_of_two_columns_that_may_be_the_values_none_is_taken(add: Any, battery: Any, stored: Stored) -> None:
    content = "20250601,10:00,123,450\n20250601,10:15,160,444\n"
    result = add(battery, content, *CONSUMED, *HERE, "--unit", "W")
    assert result.exit_code == 1
    assert "More than one column" in result.output
    assert "one of 2, 3" in result.output
    assert stored(battery) == {}
    assert add(battery, content, *CONSUMED, *HERE, "--unit", "W", "--valuecol", "3").exit_code == 0
    assert stored(battery) == {at(2025, 6, 1, 8): 0.00045, at(2025, 6, 1, 8, 15): 0.000444}


def test_whether_the_day_comes_first_is_known_of_a_later_row(add: Any, battery: Any, stored: Stored) -> None:
    start = at(2025, 6, 1)
    moments = [start + k * QUARTER for k in range(13 * 96)]
    rows = "".join(f"x;{moment:%d/%m/%Y %H:%M};1\n" for moment in moments)
    result = add(battery, f"id;tijd (UTC);waarde (kW)\n{rows}", *CONSUMED)
    assert result.exit_code == 0, result.output
    assert list(stored(battery)) == moments


def test_dates_that_may_begin_with_the_day_or_the_month_are_refused(
    add: Any, battery: Any, stored: Stored
) -> None:
    content = "id;Fra_dato;Mængde;Enhed\n571;01-10-2025 00:00:00;0,5;KWH\n571;01-10-2025 00:15:00;0,4;KWH\n"
    result = add(battery, content, *CONSUMED, *HERE)
    assert result.exit_code == 1
    assert "begins with the day or the month, which is never guessed" in result.output
    assert stored(battery) == {}
    assert add(battery, content, *CONSUMED, *HERE, "--date-format", "DD-MM-YYYY HH:mm").exit_code == 0
    assert stored(battery) == {at(2025, 9, 30, 22): 0.002, at(2025, 9, 30, 22, 15): 0.0016}


def test_the_plain_layout_is_read_as_before(add: Any, battery: Any, stored: Stored) -> None:
    content = "time,temperature,load (kW)\n2025-06-01T00:00Z,20,1\n2025-06-01T00:15Z,21,2\n"
    result = add(battery, content, *CONSUMED, "--unit", "kW")
    assert result.exit_code == 0
    assert "Guessed" not in result.output
    assert stored(battery) == {at(2025, 6, 1): 0.02, at(2025, 6, 1, 0, 15): 0.021}
