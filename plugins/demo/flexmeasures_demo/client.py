"""A client of the API, as a device or an aggregator would use it: only what the documentation says, over HTTP."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from flexmeasures.errors import FlexMeasuresError

TIMEOUT = 10.0  # seconds for one answer
PATIENCE = 30.0  # seconds for a schedule


class ApiRefused(FlexMeasuresError):
    """The API did not do what the demo asked for."""

    def __init__(self, what: str, code: int, answer: dict[str, Any]) -> None:
        super().__init__(f"{what} was answered with {code}: {answer.get('message') or answer}")
        self.status = answer.get("status")


class Client:
    """Calls to one server as one user; token is that of the header Authorization."""

    def __init__(self, address: str, email: str, password: str) -> None:
        self._address = address
        self._token = ""
        answer = self._call("POST", "/api/requestAuthToken", {"email": email, "password": password})
        self._token = answer["auth_token"]

    def connections(self) -> dict[str, str]:
        """Entity addresses of the user's assets by their names."""
        answer = self._call("GET", "/api/v2_0/getConnection", {"type": "GetConnectionRequest"})
        return dict(zip(answer["names"], answer["connections"], strict=True))

    def post_udi_event(self, event: str, soc_in_kwh: float, at: str, targets: list[dict[str, Any]]) -> None:
        """Tell a device's state of charge (kWh), which asks for a schedule."""
        message: dict[str, Any] = {
            "type": "PostUdiEventRequest",
            "event": event,
            "value": soc_in_kwh,
            "unit": "kWh",
            "datetime": at,
        }
        if targets:
            message["targets"] = targets
        self._call("POST", "/api/v2_0/postUdiEvent", message)

    def device_message(self, event: str, duration: str) -> dict[str, Any]:
        """The schedule of an event, asked for until a worker has made it."""
        query = {"type": "GetDeviceMessageRequest", "event": event, "duration": duration}
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._call("GET", "/api/v2_0/getDeviceMessage", query)
            except ApiRefused as refusal:
                waiting = refusal.status == "UNKNOWN_SCHEDULE" and "failed" not in str(refusal).lower()
                if not waiting or time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _call(self, method: str, path: str, message: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = self._token
        url, body = self._address + path, None
        if method == "GET":
            url += "?" + urlencode(message)
        else:
            body = json.dumps(message).encode()
        request = Request(url, data=body, headers=headers, method=method)  # noqa: S310 (our own server)
        try:
            with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
        except HTTPError as error:
            raise ApiRefused(f"{method} {path}", error.code, _read(error)) from None
        return answer


def _read(error: HTTPError) -> dict[str, Any]:
    text = error.read().decode(errors="replace")
    try:
        answer = json.loads(text)
    except ValueError:
        return {"message": text[:200]}
    return answer if isinstance(answer, dict) else {"message": text[:200]}
