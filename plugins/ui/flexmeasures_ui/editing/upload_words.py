"""What readers of files tell, in the words of the page: labels for options, the user's name of the file, places."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from flexmeasures.errors import FlexMeasuresError, InputError
from flexmeasures.timing import parse_duration
from flexmeasures_charts.formatting import duration
from flexmeasures_translation import gettext, marked

# Labels of the page, by the option of `flexmeasures add beliefs` that says the same.
LABELS = {
    "--sign": marked("A positive value means"),
    "--unit": marked("Unit"),
    "--timezone": marked("Time zone of times without one"),
    "--register": marked("Values are: readings of a counter"),
    "--states": marked("Values are: states that hold until the next"),
    "--labels": marked("Times are"),
    "--decimal": marked("Mark of decimals"),
    "--date-format": marked("Dates are written"),
    "--valuecol": marked("Column of values"),
    "--where": marked("Only rows with"),
    "--resolution": marked("Minutes between rows"),
    "--allow-implausible": marked("Also more power than the asset can have"),
    "--allow-overwrite": marked("Replace what is stored already"),
}
# Fields of the form, by the field that an error names; what is missing here is a fault of the file.
FIELDS = {
    "sensor": "sensor",
    "--sign": "sign",
    "--unit": "unit",
    "--timezone": "timezone",
    "Time zone": "timezone",
    "--register": "kind",
    "kind": "kind",
    "--labels": "labels",
    "--decimal": "decimal",
    "--date-format": "date_format",
    "valuecol": "valuecol",
    "--valuecol": "valuecol",
    "where": "where",
    "--where": "where",
    "--resolution": "resolution",
    "resolution": "resolution",
    "--allow-overwrite": "replace",
}
OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")
DURATION = re.compile(
    r"\bP(?:\d+D)?(?:T(?:\d+[HMS])+)?(?<!P)\b"
)  # as errors name them, which commands tell too
LINE = re.compile(r"line (\d+)(?:, |: )(.*)")
SECRET_LENGTH = 22  # of secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Refusal:
    """Why nothing was read or stored. place: the field of the form; rows: line and reason of each row that is wrong."""

    place: str
    text: str
    rows: list[tuple[str, str]] = field(default_factory=list)


def refusal(error: FlexMeasuresError, path: Path | None) -> Refusal:
    """What an error says of a kept file, by place and line."""
    name = "" if path is None else original_name(path)
    first, *lines = (in_words(line.replace(str(path), name)) for line in str(error).splitlines())
    of_rows = OPTION.findall(str(error)) if lines else []  # what would help rows that are wrong
    stated = error.field if isinstance(error, InputError) else None
    place = next((FIELDS[each] for each in (stated, *of_rows) if each in FIELDS), "file")
    rows = [LINE.fullmatch(line) for line in lines]
    found = [(row[1], row[2]) if row else ("", line) for row, line in zip(rows, lines, strict=True)]
    return Refusal(place, first, found)


def original_name(path: Path) -> str:
    """The user's own name of a kept file, whose name begins with the user's id and a secret."""
    return path.name.partition("-")[2][SECRET_LENGTH + 1 :]


def in_words(text: str) -> str:
    """Durations as people read them, and the page's labels for options; what only looks like one stays."""

    def words(found: re.Match[str]) -> str:
        try:
            return duration(parse_duration(found[0]))
        except InputError:
            return found[0]

    def label(found: re.Match[str]) -> str:
        return f"“{gettext(LABELS[found[0]])}”" if found[0] in LABELS else found[0]

    return OPTION.sub(label, DURATION.sub(words, text))
