"""Ask a service for JSON: with limits of time and size, and again, after a pause, where that may help."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flexmeasures.errors import FlexMeasuresError

if TYPE_CHECKING:
    from urllib3 import PoolManager, Retry


class ServiceUnavailable(FlexMeasuresError):
    """A service gives no answer; the text says why and what to do. It never holds a key."""


class ServiceRefuses(ServiceUnavailable):
    """A service refuses all that is asked (a key that is missing, wrong or used up): nothing more is tried."""


CONNECTS, READS = 5.0, 20.0  # seconds that a connection, and a part of an answer, may take
TRIES_AGAIN = 3
LONGEST_WAIT = 60  # seconds before another try, whatever Retry-After says
LARGEST = 16 * 1024 * 1024  # bytes of an answer
REFUSALS = {401: "the key is not accepted", 402: "it is not paid for", 403: "the key is not accepted"}
TOO_MANY = 429


def get_json(service: str, url: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object that a service answers; arguments and errors as of `get`."""
    host, body = _host(url), get(service, url, fields)
    try:
        found = json.loads(body)
    except ValueError:
        raise ServiceUnavailable(f"{service} at {host} answers with something else than JSON.") from None
    if not isinstance(found, dict):
        raise ServiceUnavailable(f"{service} at {host} answers with JSON that is no object.")
    return found


def get(service: str, url: str, fields: Mapping[str, str], accepted: Collection[int] = (200,)) -> bytes:
    """The body of what a service answers.

    Args:
        service: Its name in messages.
        url: It is told to nobody, as it may hold a key.
        fields: Of the query.
        accepted: Statuses of answers that are read.

    Raises:
        ServiceRefuses: The key is not accepted, or used up.
        ServiceUnavailable: All else that is no such answer.
    """
    import urllib3

    host = _host(url)
    try:
        answer = _pool().request(
            "GET", url, fields=fields, retries=_retries(), redirect=False, preload_content=False
        )
        try:
            body: bytes = answer.read(LARGEST + 1, decode_content=True)
        finally:
            answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        reason = type(getattr(error, "reason", None) or error).__name__
        raise ServiceUnavailable(f"{service} at {host} does not answer ({reason}).") from None
    if answer.status in REFUSALS:
        raise ServiceRefuses(
            f"{service} at {host} refuses ({answer.status}): {REFUSALS[answer.status]}. Check its settings."
        )
    if answer.status == TOO_MANY:
        raise ServiceRefuses(f"{service} at {host} was asked too often ({answer.status}). Ask for less.")
    if answer.status not in accepted:
        raise ServiceUnavailable(f"{service} at {host} answers with status {answer.status}.")
    if len(body) > LARGEST:
        raise ServiceUnavailable(f"{service} at {host} answers with more than {LARGEST >> 20} MiB.")
    return body


def _host(url: str) -> str:
    return urlsplit(url).hostname or "nowhere"


@cache
def _pool() -> PoolManager:
    import urllib3

    logging.getLogger("urllib3").setLevel(
        logging.ERROR
    )  # it writes addresses, with keys, when it tries again
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=CONNECTS, read=READS), maxsize=1)


def _retries() -> Retry:
    import urllib3

    return urllib3.Retry(
        total=TRIES_AGAIN,
        redirect=0,
        status_forcelist=(TOO_MANY, 500, 502, 503, 504),
        allowed_methods=("GET",),
        backoff_factor=0.5,
        backoff_jitter=0.5,
        backoff_max=LONGEST_WAIT,
        retry_after_max=LONGEST_WAIT,
        raise_on_status=False,
    )
