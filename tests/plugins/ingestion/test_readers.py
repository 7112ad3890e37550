"""Files of many layouts, each read by its reader to the values that are right; what is not clear is refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from .files import CONSUMED, HERE, HOUR, QUARTER, READING, SMARD, Stored, at, green_button, workbook

# -- market data --------------------------------------------------------------------------------------


def test_smard_has_decimal_commas_thousands_points_and_both_hours(
    add: Any, prices: Any, stored: Stored
) -> None:
    result = add(prices, SMARD, "--source", "SMARD")
    assert result.exit_code == 0, result.output
    assert "exports of smard.de" in result.output
    assert "read in Europe/Berlin" in result.output
    assert stored(prices) == {
        at(2025, 10, 25, 22): 1234.56,
        at(2025, 10, 25, 22, 15): -12.3,
        at(2025, 10, 26, 0, 45): 3,
        at(2025, 10, 26, 1): 4,
    }


def test_the_english_smard_has_thousands_commas(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        "Start date;End date;Germany/Luxembourg [€/MWh] Original resolutions\n"
        'Oct 1, 2025 12:00 AM;Oct 1, 2025 12:15 AM;"1,234.56"\n'
    )
    assert add(prices, text, "--source", "SMARD").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 1234.56}


def test_a_range_in_one_cell_with_the_zone_in_the_header(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)"\n'
        '"01/10/2025 00:00 - 01/10/2025 00:15","BZN|NL","Sequence 1","80.5"\n'
        '"01/10/2025 00:15 - 01/10/2025 00:30","BZN|NL","Sequence 1","n/e"\n'
        '"26/10/2025 02:00:00 (CEST) - 26/10/2025 02:15:00 (CEST)","BZN|NL","Sequence 1","1"\n'
        '"26/10/2025 02:00:00 (CET) - 26/10/2025 02:15:00 (CET)","BZN|NL","Sequence 1","2"\n'
    )
    assert add(prices, text, "--source", "ENTSO-E").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 80.5, at(2025, 10, 26): 1, at(2025, 10, 26, 1): 2}


def test_an_older_export_has_dots(add: Any, prices: Any, stored: Stored) -> None:
    text = (
        '"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"\n'
        '"01.10.2025 00:00 - 01.10.2025 00:15","80.5","EUR",""\n'
    )
    assert add(prices, text, "--source", "ENTSO-E").exit_code == 0
    assert stored(prices) == {at(2025, 9, 30, 22): 80.5}


def test_the_end_of_a_day_may_be_written_as_24_hours(add: Any, radiation: Any, stored: Stored) -> None:
    text = "t;Strahlung [W/m²]\n01.06.2025 23:00;1\n01.06.2025 24:00;2\n02.06.2025 01:00;--\n"
    words = ("--source", "x", "--labels", "end", "--delimiter", ";", *HERE)
    assert add(radiation, text, *words).exit_code == 0
    assert stored(radiation) == {at(2025, 6, 1, 20): 0.001, at(2025, 6, 1, 21): 0.002}


# -- states and sessions ------------------------------------------------------------------------------

HISTORY = """entity_id,state,last_changed
sensor.power,400,2025-06-01T10:00:00.000Z
sensor.power,unavailable,2025-06-01T10:04:00.000Z
sensor.power,unknown,2025-06-01T10:05:00.000Z
sensor.power,500,2025-06-01T10:07:00.000Z
sensor.power,200,2025-06-01T10:20:00.000Z
sensor.power,0,2025-06-01T10:32:00.000Z
"""


def test_states_are_averaged_by_the_time_that_they_held(add: Any, battery: Any, stored: Stored) -> None:
    result = add(battery, HISTORY, *CONSUMED, "--unit", "W")
    assert result.exit_code == 0, result.output
    first = (400 * 4 + 500 * 8) / 12
    second = (500 * 5 + 200 * 10) / 15
    assert stored(battery) == pytest.approx(
        {at(2025, 6, 1, 10): first / 1e6, at(2025, 6, 1, 10, 15): second / 1e6}
    )
    assert "1 slots, of which less than half is known" in result.output


def test_several_entities_are_refused_with_their_names(add: Any, battery: Any, stored: Stored) -> None:
    text = HISTORY + "sensor.other,1,2025-06-01T10:40:00.000Z\n"
    result = add(battery, text, *CONSUMED, "--unit", "W")
    assert result.exit_code == 1
    assert "--where entity_id=sensor.other or --where entity_id=sensor.power" in result.output
    assert stored(battery) == {}
    words = (*CONSUMED, "--unit", "W", "--where", "entity_id=sensor.power")
    assert add(battery, text, *words).exit_code == 0
    assert len(stored(battery)) == 2


def test_states_in_a_plain_table(add: Any, battery: Any, stored: Stored) -> None:
    text = "t,v\n2025-06-01T10:00:00Z,1\n2025-06-01T10:10:00Z,4\n2025-06-01T10:15:00Z,unknown\n"
    assert add(battery, text, *CONSUMED, "--unit", "MW", "--states").exit_code == 0
    assert stored(battery) == {at(2025, 6, 1, 10): 2}


SESSIONS = """\ufeffCreated,Finished,Loadpoint,Vehicle,Odometer (km),Meter start (kWh),Meter stop (kWh),Energy (kWh)
2025-10-03 18:12:07,2025-10-04 06:40:11,Garage,Car,12000,1463.8,1484.1,20.3
2025-10-05 09:01:00,2025-10-05 10:11:30,Garage,Car,12110,1484.1,1490.2,6.1
"""


def test_sessions_are_spread_over_their_time_with_all_their_energy(
    add: Any, battery: Any, stored: Stored
) -> None:
    result = add(battery, SESSIONS, *CONSUMED, *HERE)
    assert result.exit_code == 0, result.output
    assert "Values in kWh" in result.output
    found = stored(battery)
    first = sum(value for start, value in found.items() if start < at(2025, 10, 4, 12))
    assert first / 4 * 1000 == pytest.approx(20.3)
    assert (sum(found.values()) / 4 * 1000) == pytest.approx(26.4)
    assert found[at(2025, 10, 3, 16)] == pytest.approx(20.3 / (44884 / 3600) * 173 / 900 / 1000)
    assert found[at(2025, 10, 3, 20)] == pytest.approx(20.3 / (44884 / 3600) / 1000)


def test_sessions_with_german_names(add: Any, battery: Any, stored: Stored) -> None:
    text = "Ladebeginn;Ladeende;Energie [kWh]\n03.10.2025 18:00;03.10.2025 19:00;7,5\n"
    assert add(battery, text, *CONSUMED, *HERE, "--decimal", ",").exit_code == 0
    assert stored(battery) == pytest.approx({at(2025, 10, 3, 16) + k * QUARTER: 0.0075 for k in range(4)})


def test_half_hours_of_a_supplier(add: Any, battery: Any, stored: Stored) -> None:
    text = (
        "Consumption (kwh), Estimated Cost Inc. Tax (p), Start, End\n"
        "0.5, 10, 2025-06-01T00:00:00+01:00, 2025-06-01T00:30:00+01:00\n"
    )
    assert add(battery, text, *CONSUMED).exit_code == 0
    assert stored(battery) == {at(2025, 5, 31, 23): 0.001, at(2025, 5, 31, 23, 15): 0.001}


def test_quarters_that_fill_hours_are_averaged_over_them(add: Any, radiation: Any, stored: Stored) -> None:
    lines = [f"2025-06-01T10:{minute:02}Z,2025-06-01T10:{minute + 15:02}Z,100\n" for minute in (0, 15, 30)]
    text = "t,e,W/m2\n" + "".join(lines)
    words = ("--source", "x", "--unit", "W/m²", "--endcol", "e", "--valuecol", "2")
    refused = add(radiation, text, *words)
    assert refused.exit_code == 1
    assert "finer than the sensor's slots of PT1H, and cover none as a whole" in refused.output
    assert add(radiation, text + "2025-06-01T10:45Z,2025-06-01T11:00Z,300\n", *words).exit_code == 0
    assert stored(radiation) == {at(2025, 6, 1, 10): 0.15}


# -- counters -----------------------------------------------------------------------------------------


def test_local_days_of_a_counter_with_dates_of_dots(add: Any, battery: Any, stored: Stored) -> None:
    text = (
        "Date/Time,Total yield [Wh],A,B\n29.03.2025 00:00:00,37800000,NaN,NaN\n"
        "30.03.2025 00:00:00,37823861,NaN,NaN\n31.03.2025 00:00:00,37850011,NaN,NaN\n"
    )
    words = ("--source", "inverter", "--sign", "production-positive", "--register")
    result = add(battery, text, *words, "--timezone", "Europe/Berlin")
    assert result.exit_code == 0, result.output
    found = stored(battery)
    days = [sum(v for s, v in found.items() if (s < at(2025, 3, 29, 23)) is first) for first in (True, False)]
    assert [-day / 4 * 1e6 for day in days] == pytest.approx([23861, 26150])
    assert (len(found), min(found), max(found)) == (
        4 * 47,
        at(2025, 3, 28, 23),
        at(2025, 3, 30, 21, 45),
    )


def test_telegrams_of_a_meter_are_differences_of_both_tariffs(add: Any, battery: Any, stored: Stored) -> None:
    def telegram(time: str, low: float, high: float, back: float) -> str:
        return (
            f"/KFM5KAIFA-METER\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0({time})\r\n1-0:1.8.1({low:010.3f}*kWh)\r\n"
            f"1-0:1.8.2({high:010.3f}*kWh)\r\n1-0:2.8.1({back:010.3f}*kWh)\r\n!47C4\r\n"
        )

    log = (
        telegram("250601120007S", 10, 20, 5)
        + telegram("250601121503S", 11, 20, 5)
        + telegram("250601123007S", 11, 22, 6)
    )
    assert add(battery, log, *CONSUMED, name="p1.log").exit_code == 0
    assert stored(battery) == pytest.approx(
        {at(2025, 6, 1, 10): 0.004, at(2025, 6, 1, 10, 15): 0.008}, rel=0.02
    )
    words = ("--source", "back", "--sign", "production-positive", "--valuecol", "2.8", "--allow-overwrite")
    assert add(battery, log, *words, name="p1.log").exit_code == 0
    refused = add(battery, log, *CONSUMED, "--valuecol", "3.8", name="p1.log")
    assert "1.8 (delivered, the default) or 2.8 (returned)" in refused.output


def test_readings_at_irregular_times_are_spread(add: Any, battery: Any, stored: Stored) -> None:
    text = "t,kWh\n2025-06-01T10:00:00Z,100\n2025-06-01T10:20:00Z,120\n2025-06-01T10:30:00Z,140\n"
    assert add(battery, text, *CONSUMED, "--unit", "kWh", "--register").exit_code == 0
    powers = {at(2025, 6, 1, 10): 0.06, at(2025, 6, 1, 10, 15): (0.06 + 2 * 0.12) / 3}
    assert stored(battery) == pytest.approx(powers)


# -- Green Button -------------------------------------------------------------------------------------


def test_green_button_without_a_unit_needs_one(add: Any, battery: Any, stored: Stored) -> None:
    bare = (
        '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><content>'
        '<IntervalBlock xmlns="http://naesb.org/espi">'
        + READING.format(start=1762063200, value=974)
        + "</IntervalBlock></content></entry></feed>"
    )
    refused = add(battery, bare, *CONSUMED, name="espi.xml")
    assert refused.exit_code == 1
    assert "does not say a unit" in refused.output
    assert add(battery, bare, *CONSUMED, "--unit", "Wh", name="espi.xml").exit_code == 0
    assert stored(battery) == pytest.approx({at(2025, 11, 2, 6) + k * QUARTER: 974e-6 for k in range(4)})


def test_green_button_tells_unit_power_of_ten_and_direction(add: Any, battery: Any, stored: Stored) -> None:
    file = green_button(("1", "3", [(1762063200, 2)]), ("19", "0", [(1762063200, 500)]))
    refused = add(battery, file, *CONSUMED, name="espi.xml")
    assert refused.exit_code == 1
    assert "flowDirection=19" in refused.output
    words = (*CONSUMED, "--where", "flowDirection=1")
    packed = gzip.compress(file.encode())
    assert add(battery, packed, *words, name="espi.xml.gz").exit_code == 0
    assert set(stored(battery).values()) == {0.002}


def test_entities_of_xml_are_refused(add: Any, battery: Any, stored: Stored) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">]><feed xmlns:e="http://naesb.org/espi">&lol;</feed>'
    result = add(battery, bomb, *CONSUMED, "--unit", "Wh", name="espi.xml")
    assert result.exit_code == 1
    assert "cannot be read" in result.output
    assert stored(battery) == {}


# -- tables -------------------------------------------------------------------------------------------


def test_times_may_be_ends_of_slots(add: Any, radiation: Any, stored: Stored) -> None:
    text = "time,shortwave_radiation (W/m²)\n2025-06-01T05:00,0.0\n2025-06-01T06:00,120.0\n2025-06-01T07:00,250.0\n"
    result = add(radiation, text, "--source", "archive", "--labels", "end", *HERE)
    assert result.exit_code == 0, result.output
    assert "W/m² were stored in kW/m²" in result.output
    assert stored(radiation) == {
        at(2025, 6, 1, 2): 0,
        at(2025, 6, 1, 3): 0.12,
        at(2025, 6, 1, 4): 0.25,
    }


def test_ends_of_slots_where_the_step_changes_and_of_local_days(
    add: Any, battery: Any, stored: Stored
) -> None:
    times = ["08:00", "09:00", "10:00", "10:15", "10:30", "10:45"]
    text = "t,v\n" + "".join(f"2025-06-01T{time}Z,{k}\n" for k, time in enumerate(times))
    assert (
        add(battery, text, *CONSUMED, "--unit", "MW", "--labels", "end", "--allow-implausible").exit_code == 0
    )
    expected = [0] * 4 + [1] * 4 + [2] * 4 + [3, 4, 5]
    assert stored(battery) == {at(2025, 6, 1, 7) + k * QUARTER: value for k, value in enumerate(expected)}
    days = "t,kWh\n2025-03-30,24\n2025-03-31,23\n"
    words = (*CONSUMED, "--unit", "kWh", "--labels", "end", *HERE)
    assert add(battery, days, *words).exit_code == 0
    march = {start: value for start, value in stored(battery).items() if start < at(2025, 4, 1)}
    assert (min(march), max(march)) == (at(2025, 3, 28, 23), at(2025, 3, 30, 21, 45))
    assert set(march.values()) == {0.001}


def test_date_and_time_in_two_columns_registers_told_apart_and_month_first(
    add: Any, battery: Any, stored: Stored
) -> None:
    text = "Register;Date;Time;Value\n1.8.0;03/04/2025;00:15;1,5\n2.8.0;03/04/2025;00:15;7\n1.8.0;03/04/2025;00:30;2\n"
    words = (*CONSUMED, *HERE, "--unit", "MW", "--delimiter", ";", "--decimal", ",", "--datecol", "Date")
    words += ("--timecol", "Time", "--valuecol", "Value", "--where", "Register=1.8.0")
    refused = add(battery, text, *words)
    assert refused.exit_code == 1
    assert "never guessed (--date-format DD/MM/YYYY or MM/DD/YYYY)" in refused.output
    assert add(battery, text, *words, "--date-format", "MM/DD/YYYY HH:mm").exit_code == 0
    assert stored(battery) == {at(2025, 3, 3, 23, 15): 1.5, at(2025, 3, 3, 23, 30): 2}


def test_a_matrix_with_a_row_a_day(add: Any, battery: Any, stored: Stored) -> None:
    names = [f"{k // 4:02}:{k % 4 * 15:02}" for k in range(96)]
    rows = [",".join(["2025-03-29", *map(str, range(96))])]
    short = [str(k) if not 8 <= k < 12 else "" for k in range(96)]
    rows.append(",".join(["2025-03-30", *short]))
    text = "\n".join([",".join(["Day", *names]), *rows]) + "\n"
    words = (*CONSUMED, *HERE, "--unit", "kW")
    assert add(battery, text, *words).exit_code == 0
    found = stored(battery)
    assert (len(found), found[at(2025, 3, 28, 23)], found[at(2025, 3, 30, 1)]) == (188, 0, 0.012)
    wrong = text.replace("2025-03-30,0,1,2,3,4,5,6,7,,", "2025-03-30,0,1,2,3,4,5,6,7,8,")
    refused = add(battery, wrong, *words, "--allow-overwrite")
    assert refused.exit_code == 1
    assert "line 3: 2025-03-30 02:00 does not exist" in refused.output


def test_numbered_hours_of_the_day_of_25_hours(add: Any, radiation: Any, stored: Stored) -> None:
    header = ";".join(["Datum", *(f"H{k}" for k in range(1, 26))])
    lines = [
        ";".join(["25.10.2025", *(str(k) for k in range(24)), ""]),
        ";".join(["26.10.2025", *(str(100 + k) for k in range(25))]),
    ]
    text = "\n".join([header, *lines]) + "\n"
    assert add(radiation, text, "--source", "x", *HERE, "--unit", "W/m²").exit_code == 0
    found = stored(radiation)
    assert [found[at(2025, 10, 24, 22) + k * HOUR] for k in range(49)] == pytest.approx(
        [k / 1000 for k in range(24)] + [(100 + k) / 1000 for k in range(25)]
    )


def test_exports_that_describe_themselves(add: Any, battery: Any, stored: Stored) -> None:
    sma = (
        "sep=;\nVersion CSV1|Tool SE\n\n;SN: 1;SN: 1\ndd.MM.yyyy HH:mm:ss;kW;kWh\n01.06.2025 10:00:00;1,5;7\n"
    )
    assert add(battery, sma, *CONSUMED, *HERE).exit_code == 0
    fronius = "Date and time,Energy\n[dd.MM.yyyy HH:mm],[Wh]\n01.06.2025 11:00,250\n01.06.2025 11:15,500\n"
    assert add(battery, fronius, *CONSUMED, *HERE).exit_code == 0
    assert stored(battery) == pytest.approx(
        {at(2025, 6, 1, 8): 0.0015, at(2025, 6, 1, 9): 0.001, at(2025, 6, 1, 9, 15): 0.002}
    )


def test_energies_of_home_automation_a_row_a_series(add: Any, battery: Any, stored: Stored) -> None:
    text = (
        "entity_id,type,unit,2025-06-01T10:00:00Z,2025-06-01T11:00:00Z\n"
        "sensor.a,grid_consumption,kWh,1.5,2\nsensor.b,solar,kWh,7,8\n"
    )
    refused = add(battery, text, *CONSUMED)
    assert "--where entity_id=sensor.a or --where entity_id=sensor.b" in refused.output
    assert add(battery, text, *CONSUMED, "--where", "entity_id=sensor.a").exit_code == 0
    expected = [0.0015] * 4 + [0.002] * 4
    assert stored(battery) == {at(2025, 6, 1, 10) + k * QUARTER: value for k, value in enumerate(expected)}


def test_letters_of_older_software_are_read(add: Any, radiation: Any, stored: Stored) -> None:
    text = "Zeit,Strahlung [W/m²]\n2025-06-01T10:00Z,500\n".encode("cp1252")
    assert add(radiation, text, "--source", "x").exit_code == 0
    assert stored(radiation) == {at(2025, 6, 1, 10): 0.5}


def test_excel_and_parquet_are_tables_too(add: Any, battery: Any, stored: Stored, tmp_path: Path) -> None:
    import pandas as pd

    times = pd.date_range("2025-06-01 10:00", periods=4, freq="15min")
    frame = pd.DataFrame({"time": times, "load (kW)": [1, 2.5, None, 4]})
    path = tmp_path / "load.parquet"
    frame.to_parquet(path, engine="pyarrow")
    assert add(battery, path.read_bytes(), *CONSUMED, *HERE, name="load.parquet").exit_code == 0
    expected = {at(2025, 6, 1, 8): 0.001, at(2025, 6, 1, 8, 15): 0.0025, at(2025, 6, 1, 8, 45): 0.004}
    assert stored(battery) == expected
    result = add(battery, workbook(frame), *CONSUMED, *HERE, "--allow-overwrite", name="load.xlsx")
    assert result.exit_code == 0, result.output
    assert "3 were the same already" in result.output
    refused = add(battery, workbook(frame), *CONSUMED, *HERE, "--sheet", "other", name="load.xlsx")
    assert "no sheet 'other'. Accepted: load" in refused.output


def test_nem12_has_days_of_intervals_in_the_markets_time(add: Any, battery: Any, stored: Stored) -> None:
    def day(first: float) -> str:
        return f"300,20250601,{','.join(str(first + k) for k in range(96))},A,,,20250602000000,\n"

    head = "100,NEM12,202506020000,MDP1,RETAILER\n"
    one = f"200,NMI1,E1B1,1,E1,N1,METER1,KWH,15,\n{day(0)}400,1,96,A,,\n"
    other = f"200,NMI1,E1B1,1,B1,N1,METER1,KWH,15,\n{day(100)}900\n"
    assert add(battery, head + one + "900\n", *CONSUMED).exit_code == 0
    found = stored(battery)
    assert len(found) == 96
    assert found[at(2025, 5, 31, 14, 15)] == 0.004
    both = add(battery, head + one + other, *CONSUMED)
    assert both.exit_code == 1
    assert "channel=E1 or channel=B1" in both.output
    words = (*CONSUMED, "--where", "channel=B1", "--allow-overwrite")
    assert add(battery, head + one + other, *words).exit_code == 0
    assert stored(battery)[at(2025, 5, 31, 14)] == 0.4


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("300,20250601,1,2,3\n", "line 3: the day has 3 values"),
        (f"300,20251301,{'1,' * 96}A\n", "line 3: the day is missing"),
        (f"300,20250601,{'1,' * 95}much,A\n", "line 3, interval 96: 'much' is not a number"),
        ("", "no values of that channel"),
    ],
)
def test_a_broken_nem12_is_refused_with_its_line(
    add: Any, battery: Any, stored: Stored, record: str, said: str
) -> None:
    content = f"100,NEM12,202506020000,M,R\n200,NMI1,E1,1,E1,N1,METER1,KWH,15,\n{record}900\n"
    result = add(battery, content, *CONSUMED)
    assert result.exit_code == 1
    assert said in result.output
    assert stored(battery) == {}


def test_a_day_with_columns_named_by_hours_and_decimal_commas(
    add: Any, radiation: Any, stored: Stored
) -> None:
    names = ";".join(f"{hour:02}-{hour + 1:02}" for hour in range(24))
    values = ";".join(f"{hour},5" for hour in range(24))
    result = add(
        radiation, f"Date;{names}\n01.10.2025;{values}\n", "--source", "meter", "--unit", "W/m²", *HERE
    )
    assert result.exit_code == 0, result.output
    assert stored(radiation)[at(2025, 9, 30, 23)] == 0.0015
