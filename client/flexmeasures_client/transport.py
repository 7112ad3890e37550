"""Requests with a token that is renewed, and attempts with a growing wait between them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from flexmeasures_client.errors import (
    AlreadyStored,
    NoSchedule,
    NotAuthenticated,
    RequestRefused,
    ScheduleNotReady,
    ServerUnavailable,
)

BUSY = frozenset({429, 502, 503, 504})
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds
WAITING = ("queued", "in progress", "deferred")  # states in the server's words on a schedule that will come


class Transport:
    """Sends requests to one server as one user; may be used by several threads.

    retries: how often a request is sent again after a lost connection or an answer that says "busy". The wait
    doubles from half a second on, to a minute at most, with some chance in it; a Retry-After header is kept to,
    and one of more than a minute ends the attempts. token_header: the server's SECURITY_TOKEN_AUTHENTICATION_HEADER.
    wait: what waits some seconds.
    """

    def __init__(
        self,
        http: httpx.Client,
        email: str,
        password: str,
        retries: int,
        token_header: str,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http
        self._login = {"email": email, "password": password}
        self._retries = retries
        self._wait = wait
        self._token: str | None = None
        self._header = token_header
        self._renewing = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """The JSON of the answer, None for an answer without one. Raises RequestRefused, ServerUnavailable."""
        token = self._token or self._renew(None)
        response, repeated = self._send(method, path, query, body, token)
        if response.status_code == 401:
            # Expired, or revoked by a new password: once, with a fresh one.
            response, repeated = self._send(method, path, query, body, self._renew(token))
        if response.is_success:
            return _json(response) if response.content else None
        raise refusal(response, repeated)

    def _renew(self, old: str | None) -> str:
        """A token that is not the old one; of threads that ask for it at the same time, one fetches it."""
        with self._renewing:
            if self._token is None or self._token == old:
                response, _ = self._send("POST", "/api/requestAuthToken", None, self._login, None)
                if not response.is_success:
                    raise refusal(response, repeated=False, login=True)
                self._token = str(_json(response)["auth_token"])
            return self._token

    def _send(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, token: str | None
    ) -> tuple[httpx.Response, bool]:
        """The first answer that does not say "busy", and whether an earlier attempt may have been carried out."""
        headers = {} if token is None else {self._header: token}
        repeated = False
        for attempt in range(self._retries + 1):
            try:
                response = self._http.request(method, path, params=query, json=body, headers=headers)
            except httpx.TransportError as error:
                trouble, advised = f"{type(error).__name__}: {error}", None
                repeated = repeated or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            else:
                if response.status_code not in BUSY:
                    return response, repeated
                trouble, advised = _said(response), retry_after(response)
                repeated = repeated or response.status_code in (502, 504)
            if attempt == self._retries or (advised or 0.0) > LONGEST_WAIT:
                break
            self._wait(pause(attempt) if advised is None else advised)
        raise ServerUnavailable(
            f"{method} {path} was not answered in {attempt + 1} attempts. Last: {trouble}"
        )


def pause(attempt: int) -> float:
    """Seconds to wait after an attempt (0 is the first), between half and all of what doubles each time."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt) * random.uniform(0.5, 1)  # noqa: S311  no secret


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, which it states as such or as a date; None where it does not."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def refusal(response: httpx.Response, repeated: bool, login: bool = False) -> RequestRefused:
    """The exception for an answer that is an error."""
    status, message = _status_and_message(response)
    if response.status_code == 401 or (login and response.status_code in (400, 404)):
        return NotAuthenticated(response.status_code, status, message)
    kind = RequestRefused
    if status == "ALREADY_RECEIVED_AND_SUCCESSFULLY_PROCESSED":
        kind = AlreadyStored
    elif status == "UNKNOWN_SCHEDULE":
        kind = ScheduleNotReady if any(word in message for word in WAITING) else NoSchedule
    return kind(response.status_code, status, message, repeated)


def _status_and_message(response: httpx.Response) -> tuple[str, str]:
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return "", f"{response.reason_phrase}: {response.text[:200]}"
    message = found.get("message", found.get("errors", ""))
    if isinstance(message, list):
        message = " ".join(map(str, message))
    status = found.get("status")
    return status if isinstance(status, str) else "", message if isinstance(message, str) else str(message)


def _said(response: httpx.Response) -> str:
    return f"{response.status_code} {_status_and_message(response)[1]}"


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise ServerUnavailable(f"{response.url} answered no JSON; is it a FlexMeasures server?") from None
