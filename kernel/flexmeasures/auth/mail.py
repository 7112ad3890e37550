"""Mails to users about their accounts."""

from __future__ import annotations

import smtplib

from flask import current_app

from flexmeasures.errors import FlexMeasuresError
from flexmeasures.models.users import User


class MailNotSent(FlexMeasuresError):
    """The mail server does not take a mail."""


def send(user: User, subject: str, text: str) -> None:
    """Send one plain mail; MailNotSent tells why the server of MAIL_SERVER did not take it."""
    from flask_mailman import EmailMessage

    name = current_app.config["FLEXMEASURES_PLATFORM_NAME"]
    try:
        EmailMessage(
            subject=f"{name}: {subject}", body=f"Hello {user.username},\n\n{text}\n", to=[user.email]
        ).send()
    except (OSError, smtplib.SMTPException) as error:
        server = f"{current_app.config['MAIL_SERVER']}:{current_app.config['MAIL_PORT']}"
        raise MailNotSent(f"The mail server {server} did not take the mail: {error}") from None
