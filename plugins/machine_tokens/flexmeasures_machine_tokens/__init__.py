"""Machine tokens: programs use the API with them in a user's name, until they end or are revoked.

A token is shown once and kept as its SHA-256 digest only. It stays valid when its user logs in, logs out or sets a new
password, which ends the tokens of Flask-Security; it does not while its user is inactive.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flexmeasures import hookimpl
from flexmeasures.doors import door

if TYPE_CHECKING:
    from flask import Request

    from flexmeasures.models import User
    from flexmeasures_machine_tokens.tokens import add_token as add_token
    from flexmeasures_machine_tokens.tokens import revoke_token as revoke_token
    from flexmeasures_machine_tokens.tokens import sent_token as sent_token
    from flexmeasures_machine_tokens.tokens import tokens_of as tokens_of

NAME = "machine_tokens"

__all__, __getattr__ = door(__name__, {"tokens": ("add_token", "revoke_token", "sent_token", "tokens_of")})


@hookimpl
def register_migrations() -> Path:
    """The table of tokens."""
    import flexmeasures_machine_tokens.models  # noqa: F401 (what the migrations are compared with)

    return Path(__file__).parent / "migrations"


@hookimpl
def authenticate(request: Request) -> User | None:
    """The user in whose name a request with a machine token is made."""
    from flexmeasures_machine_tokens.tokens import sent_token, user_of

    return user_of(sent_token(request))
