"""Guessing passwords is limited: what failed counts, by the address that asks and by the account that is asked for.

Counts are in the memory of the process, or in Redis where jobs use it; while Redis is away they are in memory.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, request

from flexmeasures.errors import SettingsError

if TYPE_CHECKING:
    from flask import Flask, Response
    from flask_limiter import Limiter

View = TypeVar("View", bound=Callable[..., Any])

TOO_MANY = "Too many attempts failed. Wait before you try again."
TOO_MANY_MAILS = "Too many mails were asked for. Wait before you try again."
LOGINS, RESET = ("security.login", "security.verify"), "security.forgot_password"
BY_ADDRESS = "FLEXMEASURES_FAILED_LOGINS_BY_ADDRESS"
BY_ACCOUNT = "FLEXMEASURES_FAILED_LOGINS_BY_ACCOUNT"
RESETS = "FLEXMEASURES_PASSWORD_RESETS"
_MARK = "flexmeasures_takes_password"


def takes_password(view: View) -> View:
    """Mark a view that takes `email` and a password by POST (form or JSON), so that guessing there is limited."""
    setattr(view, _MARK, True)
    return view


def limit_guesses(app: Flask, redis: Any = None) -> None:
    """Limit the login, the mails of password resets, and all views that `takes_password` marks.

    redis: the connection where counts are shared. SettingsError for a limit that is not understood.
    """
    stated = {name: _checked(app, name) for name in (BY_ADDRESS, BY_ACCOUNT, RESETS)}
    if not any(stated.values()):
        return
    limiter = _limiter(app, redis)
    for endpoint, view in app.view_functions.items():
        if endpoint in LOGINS or hasattr(view, _MARK):
            limits = ((stated[BY_ADDRESS], _address), (stated[BY_ACCOUNT], _account))
            app.view_functions[endpoint] = _limited(limiter, view, "guesses", limits, _failed, TOO_MANY)
        elif endpoint == RESET:
            limits = ((stated[RESETS], _address), (stated[RESETS], _account))
            app.view_functions[endpoint] = _limited(limiter, view, "mails", limits, _done, TOO_MANY_MAILS)


def _checked(app: Flask, name: str) -> str:
    from limits import parse_many

    stated = str(app.config[name] or "")
    try:
        if stated:
            parse_many(stated)
    except ValueError:
        accepted = 'such as "10 per minute; 100 per hour", or empty for no limit'
        raise SettingsError(f"{name} is {stated!r}. Accepted: {accepted}.") from None
    return stated


def _limiter(app: Flask, redis: Any) -> Limiter:
    from flask_limiter import Limiter

    storage: dict[str, Any] = {"storage_uri": "memory://"}
    if redis is not None:
        storage = {"storage_uri": "redis://", "storage_options": {"connection_pool": redis.connection_pool}}
    limiter = Limiter(
        _address,
        app=app,
        strategy="moving-window",
        key_prefix=f"flexmeasures-{_digest('counts of this instance', app)}",  # others may share the Redis
        in_memory_fallback_enabled=redis is not None,
        swallow_errors=True,
        **storage,
    )

    # It would look at every request, for limits of all views: here views ask themselves. And it knows no views but
    # functions.
    hooks = app.before_request_funcs[None]
    hooks[:] = [hook for hook in hooks if getattr(hook, "__self__", None) is not limiter]

    @app.after_request
    def say_when_to_try_again(response: Response) -> Response:
        limit = limiter.current_limit
        if response.status_code == 429 and limit is not None and limit.breached:
            response.headers.setdefault("Retry-After", str(max(1, math.ceil(limit.reset_at - time.time()))))
        return response

    return limiter


def _limited(
    limiter: Limiter,
    view: Any,
    scope: str,
    limits: tuple[tuple[str, Callable[[], str]], ...],
    counts: Callable[[Response], bool],
    text: str,
) -> Any:
    for stated, key in limits:
        if stated:
            decorate = limiter.shared_limit(
                stated,
                f"{scope} by {key.__name__.strip('_')}",
                key_func=key,
                methods=["POST"],
                deduct_when=counts,
                exempt_when=_is_of_unknown_client if key is _address else None,
                error_message=text,
            )
            view = decorate(view)
    return view


def _failed(response: Response) -> bool:
    """Whether an answer says that somebody did not get in; a form that failed is shown again."""
    again = response.status_code == 200 and response.mimetype == "text/html"
    return again or (400 <= response.status_code < 500 and response.status_code != 429)


def _done(response: Response) -> bool:
    return response.status_code < 500


def _address() -> str:
    return request.remote_addr or "unknown"


def _account() -> str:
    """The account that is asked for, whether or not there is one; nobody reads email addresses in Redis."""
    body = request.get_json(silent=True) if request.is_json else request.form
    email = body.get("email") if isinstance(body, Mapping) else None
    if not (isinstance(email, str) and email.strip()):
        return f"none, of {_address()}"
    return _digest(email.strip().lower(), current_app)


def _digest(text: str, app: Flask) -> str:
    key = hashlib.sha256(str(app.config["SECRET_KEY"]).encode()).digest()
    return hashlib.blake2b(text.encode(), key=key, digest_size=16).hexdigest()


def _is_of_unknown_client() -> bool:
    """Whether the address is that of a proxy that nobody told us to trust: everybody's, so it counts for nobody."""
    if "X-Forwarded-For" not in request.headers or current_app.config["FLEXMEASURES_TRUSTED_PROXIES"]:
        return False
    try:
        is_ours = ipaddress.ip_address(_address()).is_private
    except ValueError:  # a unix socket
        is_ours = True
    return is_ours
