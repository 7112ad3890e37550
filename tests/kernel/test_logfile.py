"""flexmeasures.config.log_setup: what is logged where."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from flexmeasures.config import set_up_logging
from flexmeasures.config.log_setup import SharedRotatingFile


@pytest.fixture
def logged_app(instance: Path) -> Iterator[Flask]:
    """An app whose log is set up at INFO; logging is put back afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "flexmeasures", "logged", "my_plugin")]
    before = [(logger, logger.level, list(logger.handlers)) for logger in loggers]
    app = Flask("logged", instance_path=str(instance))
    app.config["LOGGING_LEVEL"] = logging.INFO
    instance.mkdir()
    set_up_logging(app, plugins=["my_plugin"])
    yield app
    for logger, level, handlers in before:
        for handler in set(logger.handlers) - set(handlers):
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(level)


@pytest.mark.usefixtures("logged_app")
def test_the_log_file_gets_our_messages_and_those_of_plugins_and_only_warnings_of_libraries(
    instance: Path,
) -> None:
    logging.getLogger("flexmeasures.jobs").info("a job")
    logging.getLogger("my_plugin.part").info("a plugin")
    logging.getLogger("flexmeasures.jobs").debug("a detail")
    logging.getLogger("some_library").info("chatter")
    logging.getLogger("some_library").warning("trouble")
    lines = (instance / "flexmeasures.log").read_text().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["a job", "a plugin", "trouble"]


def test_setting_the_log_up_again_does_not_write_twice(logged_app: Flask, instance: Path) -> None:
    set_up_logging(logged_app)
    logging.getLogger("flexmeasures").info("once")
    assert (instance / "flexmeasures.log").read_text().count("once") == 1


def test_a_full_log_is_moved_aside_and_no_process_writes_on_into_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    path = folder / "log"
    first, second = (SharedRotatingFile(path, max_bytes=100, backups=2) for _ in range(2))
    for number in range(40):
        for handler in (first, second):
            handler.emit(logging.makeLogRecord({"msg": f"message {number:04d}"}))
    first.close()
    second.close()
    assert sorted(file.name for file in folder.iterdir()) == ["log", "log.1", "log.2", "log.lock"]
    assert all(file.stat().st_size <= 120 for file in folder.iterdir())
    assert path.read_text().endswith("message 0039\n")


def test_a_logger_never_raises_and_writes_again_when_there_is_room(tmp_path: Path) -> None:
    """/dev/full is a disk without room; another process has rotated the file away under ours."""
    path = tmp_path / "log"
    handler = SharedRotatingFile(path)
    logger = logging.Logger("full")
    logger.addHandler(handler)
    for _ in range(2):  # the second time the handler knows the file that it writes to
        logger.error("before")
    for pending in ("", "still in the buffer"):
        handler.stream.close()
        handler.stream = open("/dev/full", "a")  # noqa: SIM115  the handler closes it
        handler.stream.write(pending)
        if pending:
            path.rename(tmp_path / "log.1")
        logger.error("left out")
        if not pending:
            logger.error("between")
            logger.error("between")
    logger.error("after")
    handler.close()
    assert (tmp_path / "log.1").read_text() == "before\nbefore\nbetween\nbetween\n"
    assert path.read_text() == "after\n"


def test_a_log_that_cannot_be_opened_stops_nobody(tmp_path: Path) -> None:
    handler = SharedRotatingFile(tmp_path / "missing" / "log")
    logger = logging.Logger("missing")
    logger.addHandler(handler)
    logger.error("left out")
    (tmp_path / "missing").mkdir()
    logger.error("after")
    handler.close()
    assert (tmp_path / "missing" / "log").read_text() == "after\n"
