"""Status codes of messages: which exist, with which HTTP code, and the exception that refuses a request."""

from __future__ import annotations

from typing import Any

from flexmeasures.errors import shown

__all__ = ["STATUSES", "Refused", "processed", "shown"]

# Status string -> HTTP code and the text for when nothing more exact is known.
STATUSES: dict[str, tuple[int, str]] = {
    "PROCESSED": (200, "Request has been processed."),
    "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED": (
        400,
        "Some of these values have been received and processed before; nothing of this request was stored.",
    ),
    "INCOMPLETE_UDI_EVENT": (400, "The UDI event lacks 'targets'."),
    "INVALID_DATETIME": (400, "The datetime is missing or not acceptable."),
    "INVALID_DOMAIN": (400, "The entity address is not acceptable."),
    "INVALID_HORIZON": (400, "The horizon or prior is not acceptable."),
    "INVALID_MARKET": (400, "The asset has no market."),
    "INVALID_MESSAGE_TYPE": (400, "The message has another type than this service takes."),
    "INVALID_METHOD": (405, "The HTTP method is not allowed here."),
    "INVALID_PERIOD": (400, "The start or duration is missing or not acceptable."),
    "INVALID_RESOLUTION": (400, "The resolution is not acceptable."),
    "INVALID_ROLE": (400, "No service is listed for that role."),
    "INVALID_SENDER": (403, "You may not use this service."),
    "INVALID_SOURCE": (400, "None of the given sources is known."),
    "INVALID_TIMEZONE": (400, "A date and time needs a UTC offset."),
    "INVALID_UNIT": (400, "The unit is missing or not accepted."),
    "NO_BACKUP": (400, "No backup is named."),
    "NO_MESSAGE_TYPE": (400, "The message has no 'type'."),
    "OUTDATED_UDI_EVENT": (400, "The device has received a later UDI event already."),
    "POWER_VALUE_TOO_BIG": (400, "A pure producer cannot consume: its values are zero or negative."),
    "POWER_VALUE_TOO_SMALL": (400, "A pure consumer cannot produce: its values are zero or positive."),
    "PTUS_INCOMPLETE": (400, "Values are missing."),
    "REQUIRED_INFO_MISSING": (400, "Some required information is missing."),
    "UNAUTHORIZED": (401, "You need a valid authentication token, or to log in."),
    "UNKNOWN_PRICES": (400, "Prices unknown."),
    "UNKNOWN_SCHEDULE": (400, "The schedule is not known (yet)."),
    "UNPROCESSABLE_ENTITY": (422, "Some fields are not acceptable."),
    "UNRECOGNIZED_ASSET": (400, "There is no such asset."),
    "UNRECOGNIZED_BACKUP": (400, "There is no such backup."),
    "UNRECOGNIZED_CONNECTION_GROUP": (400, "A connection is missing, or not one that you can use."),
    "UNRECOGNIZED_MARKET": (400, "There is no such market."),
    "UNRECOGNIZED_SENSOR": (400, "There is no such weather sensor."),
    "UNRECOGNIZED_UDI_EVENT": (400, "There is no such UDI event, or no such type of them."),
}


class Refused(Exception):
    """A request is refused: status string, and a message that names the key, what was wrong, what is accepted.

    message: text, or for 422 errors by location and field. Raises KeyError for a status that does not exist.
    """

    def __init__(self, status: str, message: str | dict[str, Any] | None = None) -> None:
        self.http, text = STATUSES[status]
        self.status = status
        self.message = text if message is None else message
        super().__init__(f"{status}: {self.message}")

    def body(self, response_type: str | None = None) -> dict[str, Any]:
        """The answer's JSON object; response_type is the "type" of messages."""
        head = {} if response_type is None else {"type": response_type}
        return head | {"result": "Rejected", "status": self.status, "message": self.message}


def processed(**data: Any) -> dict[str, Any]:
    """The JSON object of a success: the data, then status and message."""
    return data | {"status": "PROCESSED", "message": STATUSES["PROCESSED"][1]}
