"""Files of devices and meters: states, sessions, counters, Green Button."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from .files import CONSUMED, HERE, QUARTER, READING, Stored, at, green_button

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
