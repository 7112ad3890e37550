"""The demo takes a folder of its own, and never one that holds something of somebody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flexmeasures.errors import InputError
from flexmeasures_demo import folder


def test_without_a_folder_a_new_one_is_made() -> None:
    with folder.fresh(None) as first, folder.fresh(None) as second:
        assert first != second
        assert [path.name for path in first.iterdir()] == [folder.MARKER]
    for path in (first, second):
        shutil.rmtree(path)


def test_a_missing_or_empty_folder_is_taken(tmp_path: Path) -> None:
    with folder.fresh(tmp_path / "deep" / "new") as made:
        assert made == tmp_path / "deep" / "new"
    (tmp_path / "empty").mkdir()
    with folder.fresh(tmp_path / "empty") as made:
        assert made.is_dir()


def test_what_an_earlier_demo_left_is_cleared(tmp_path: Path) -> None:
    with folder.fresh(tmp_path):
        for name in ("flexmeasures.db", "flexmeasures.db-wal", "flexmeasures.db.lock", "secret_key"):
            (tmp_path / name).write_text("old")
    with folder.fresh(tmp_path):
        assert [path.name for path in tmp_path.iterdir()] == [folder.MARKER]


@pytest.mark.parametrize("with_marker", [False, True])
@pytest.mark.parametrize(
    "name", ["flexmeasures.cfg", "thesis.txt", "flexmeasures.db.mine", "flexmeasures.log.txt"]
)
def test_a_folder_that_holds_anything_else_is_refused_and_left_as_it_is(
    tmp_path: Path, name: str, with_marker: bool
) -> None:
    (tmp_path / name).write_text("precious")
    if with_marker:
        (tmp_path / folder.MARKER).touch()
    with (
        pytest.raises(InputError, match=f"holds what the demo did not make .{name}") as refusal,
        folder.fresh(tmp_path),
    ):
        pass
    assert refusal.value.field == "instance"
    assert (tmp_path / name).read_text() == "precious"


def test_a_database_that_no_demo_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flexmeasures.db").write_text("precious")
    with pytest.raises(InputError, match="so it is left alone"), folder.fresh(tmp_path):
        pass
    assert (tmp_path / "flexmeasures.db").read_text() == "precious"


def test_a_folder_with_a_folder_of_somebody_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / folder.MARKER).touch()
    (tmp_path / "flexmeasures.log").mkdir()
    with pytest.raises(InputError, match=r"flexmeasures\.log"), folder.fresh(tmp_path):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder"), folder.fresh(tmp_path / "file"):
        pass


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with folder.fresh(tmp_path), pytest.raises(InputError, match="Another demo uses"), folder.fresh(tmp_path):
        pass
