"""Tables of many layouts: slots, dates, hours in columns, registers, Excel and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .files import CONSUMED, HERE, HOUR, QUARTER, Stored, at, workbook


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
