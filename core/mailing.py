"""Mails to people. They are sent after the commit; a link in one that cannot be sent is asked for again on its page."""

from smtplib import SMTPException
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.template.loader import render_to_string

log = structlog.get_logger()


def send(request: HttpRequest, name: str, to: str, **facts: Any) -> bool:
    """Send a mail with a link to the address that the request came to; see `post`."""
    return post(name, to, host=request.build_absolute_uri("/").rstrip("/"), **facts)


def post(name: str, to: str, **facts: Any) -> bool:
    """Send the mail `templates/mail/<name>.txt`, whose first line is its subject. No transaction may be open.

    Returns whether a server took it. One that did not is logged, without the address. A stranger must not learn it from
    the answer: it would say whether somebody has that address.
    """
    facts |= {"site": settings.SITE_NAME}
    subject, _, body = render_to_string(f"mail/{name}.txt", facts).strip().partition("\n")
    try:
        EmailMessage(subject, f"{body.strip()}\n", to=[to]).send()
    except (OSError, SMTPException) as error:
        log.error("mail_not_sent", mail=name, error=type(error).__name__)
        return False
    return True
