"""What can go wrong: the server refuses, cannot be reached, or has no schedule.

    ClientError
        RequestRefused          an answer that is an error; has http, status and message
            NotAuthenticated    401: email or password are wrong, or the user is inactive
            AlreadyStored       the same beliefs are stored already; nothing of the request was stored
            ScheduleNotReady    the job of a schedule waits or runs
            NoSchedule          the job of a schedule failed, was cancelled, or gave nothing
        ServerUnavailable       no usable answer, after all retries

What a server did, but doubts or changed (a start that was moved to the sensor's grid, a unit that seems wrong), is a
ServerWarning, which Python's `warnings` show, hide or raise.

Input that cannot be sent at all (a time without UTC offset, NaN) is a ValueError before anything is sent.
"""

from __future__ import annotations


class ServerWarning(UserWarning):
    """What the server tells of a request that it processed."""


class ClientError(Exception):
    """Whatever this library raises about a request."""


class RequestRefused(ClientError):
    """The server refused a request.

    http: the HTTP code. status: the word of the API (INVALID_UNIT), "" where it sends none. message: the
    server's words. repeated: an earlier attempt got no usable answer, so the server may have done that one.
    """

    def __init__(self, http: int, status: str, message: str, repeated: bool = False) -> None:
        self.http = http
        self.status = status
        self.message = message
        self.repeated = repeated
        remark = " (An earlier attempt went unanswered, and may have been carried out.)" if repeated else ""
        super().__init__(f"{status or http}: {message}{remark}")


class NotAuthenticated(RequestRefused):
    """No token is given for this email and password, or a fresh one is not accepted."""


class AlreadyStored(RequestRefused):
    """Values of the same sensor, time, recording time and source are stored; nothing of this request was."""


class ScheduleNotReady(RequestRefused):
    """The schedule is not there yet: its job waits or runs."""


class NoSchedule(RequestRefused):
    """There will be no schedule: its job failed, was cancelled, or gave no values; the message tells."""


class ServerUnavailable(ClientError):
    """The server could not be reached, or said that it is busy, in every attempt."""
