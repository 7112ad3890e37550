"""What is shown of files, who reads them, and what is refused: wrong, broken, too large."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from .files import CONSUMED, HERE, SMARD, Stored, green_button, workbook

# -- what is shown, and limits ------------------------------------------------------------------------


def test_a_dry_run_shows_rows_as_they_would_be_stored(add: Any, panels: Any, stored: Stored) -> None:
    text = "t,kW\n2025-06-01 12:00,1500\n"
    words = ("--source", "m", "--sign", "production-positive", "--unit", "kW", *HERE, "--dry-run")
    result = add(panels, text, *words)
    assert result.exit_code == 0, result.output
    assert "-1.5 MW  production" in result.output
    assert "Nothing was stored" in result.output
    assert stored(panels) == {}


def test_readers_are_listed_and_chosen_by_name(run: Any, add: Any, prices: Any) -> None:
    listed = run("show", "readers")
    for name in ("green-button", "dsmr", "smard", "entsoe-export", "day-matrix", "table"):
        assert name in listed.output
    refused = add(prices, SMARD, "--source", "x", "--reader", "nothing")
    assert "There is no file reader 'nothing'. Accepted: nem12, green-button" in refused.output
    as_table = add(prices, SMARD, "--source", "x", "--reader", "table")
    assert as_table.exit_code == 1


def test_the_reader_of_the_documentation_is_asked_first(app: Any, battery: Any, tmp_path: Path) -> None:
    from flexmeasures_ingestion import Layout, Request, read_file
    from flexmeasures_ingestion.registry import EXTENSION

    page = Path(__file__).parents[3] / "docs" / "howto" / "import.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(), re.S)
    names: dict[str, Any] = {}
    exec(code, names)
    path = tmp_path / "x.csv"
    path.write_text("Stamp,P_total\n01/06/2025 10:00,3\n")
    with app.app_context():
        (reader,) = names["register_file_readers"]()
        app.extensions[EXTENSION][reader.name] = reader
        try:
            zone = ZoneInfo("UTC")
            imported = read_file(
                path, battery, Request(layout=Layout(timezone=zone), sign="consumption-positive")
            )
        finally:
            del app.extensions[EXTENSION][reader.name]
    assert (imported.reader, imported.unit, imported.series[0].values.tolist()) == (
        "files of our data logger",
        "kW",
        [0.003],
    )


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        ("t,v\n2025-06-01T10:00Z," + "1" * 1_100_000 + "\n", (), "characters or more"),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--date-format", "DD/MM"), "does not say how dates are written"),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--where", "t"), "COLUMN=TEXT"),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--where", "x=1"), "'x' is no column"),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--where", "t=1"), "no values in rows that --where names"),
        (
            "t,e,v\n2025-06-01T10:00Z,2025-06-01T09:00Z,1\n",
            ("--endcol", "e", "--valuecol", "v"),
            "before it begins",
        ),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--states", "--register"), "exclude each other"),
        ("t,v\n2025-06-01T10:00Z,1\n", ("--decimal", ",", "--delimiter", "x"), "no column"),
        ("t;v\n2025-06-01T10:00Z;1.5,2\n", ("--decimal", ",", "--delimiter", ";"), "'1.5,2' is not a number"),
    ],
)
def test_what_is_not_clear_is_refused(
    add: Any, battery: Any, stored: Stored, content: str, words: tuple[str, ...], said: str
) -> None:
    result = add(battery, content, *CONSUMED, "--unit", "kW", *words)
    assert result.exit_code == 1
    assert said in result.output
    assert stored(battery) == {}


@pytest.mark.parametrize(
    "reader", ["day-matrix", "home-assistant", "home-assistant-energy", "dsmr", "green-button"]
)
@pytest.mark.parametrize("content", ["", "t,v\n2025-06-01T10:00Z,1\n", "a,b,c\n1\n"])
def test_a_reader_for_another_kind_of_file_refuses(
    add: Any, battery: Any, stored: Stored, reader: str, content: str
) -> None:
    result = add(battery, content, *CONSUMED, *HERE, "--unit", "kW", "--reader", reader)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert stored(battery) == {}


@pytest.mark.parametrize(
    "text",
    [
        green_button(("1", "999", [(1762063200, 2)])),
        green_button(("1", "x", [(1762063200, 2)])),
        green_button(("1", "0", [(1762063200, 2)])).replace("<duration>3600", "<duration>" + "9" * 30),
        green_button(("1", "0", [(1762063200, 2)])).replace("<start>1762063200", "<start>-5"),
        green_button(("1", "0", [])),
    ],
)
def test_green_button_files_that_are_wrong_are_refused(
    add: Any, battery: Any, stored: Stored, text: str
) -> None:
    result = add(battery, text, *CONSUMED, name="espi.xml")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert stored(battery) == {}


def test_broken_workbooks_and_tables_are_refused(
    add: Any, battery: Any, stored: Stored, tmp_path: Path
) -> None:
    import random

    import pandas as pd

    times = pd.date_range("2025-06-01 10:00", periods=4, freq="15min")
    frame = pd.DataFrame({"time": times, "load (kW)": [1, 2.5, None, 4]})
    path = tmp_path / "load.parquet"
    frame.to_parquet(path, engine="pyarrow")
    dice = random.Random(7)
    for name, whole in (("broken.xlsx", workbook(frame)), ("broken.parquet", path.read_bytes())):
        for _ in range(25):
            content = bytearray(whole)
            for _ in range(dice.randint(1, 8)):
                content[dice.randrange(len(content))] = dice.randrange(256)
            result = add(battery, bytes(content), *CONSUMED, *HERE, "--dry-run", name=name)
            assert result.exit_code in (0, 1)
    assert stored(battery) == {}


def test_times_at_the_ends_of_the_calendar_are_refused(add: Any, battery: Any, stored: Stored) -> None:
    for time in ("9999-12-31 24:00", "0001-01-01 00:00 CEST"):
        result = add(battery, f"t,v\n{time},1\n", *CONSUMED, *HERE, "--unit", "kW")
        assert result.exit_code == 1
        assert "line 2" in result.output
    nothing = "t,v\n2025-06-01T10:00Z,unknown\n2025-06-01T10:15Z,1\n"
    assert "Nothing is known" in add(battery, nothing, *CONSUMED, "--unit", "kW", "--states").output
    assert stored(battery) == {}


def test_files_with_too_many_rows_are_refused(
    add: Any, battery: Any, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flexmeasures_ingestion.readers import base

    monkeypatch.setattr(base, "MAX_ROWS", 3)
    text = "t,v\n" + "".join(f"2025-06-01T10:{minute:02}Z,1\n" for minute in range(5))
    result = add(battery, text, *CONSUMED, "--unit", "kW")
    assert result.exit_code == 1
    assert "more than 3 rows" in result.output
    assert stored(battery) == {}
