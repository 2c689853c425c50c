"""Attempts that are counted per subject, exactly, and kept over restarts."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.lockout import client_address
from accounts.models import Attempt
from core.clock import db_now
from core.db import command, lock_name
from core.errors import Throttled


@dataclass(frozen=True)
class Limit:
    """At most `most` attempts of one subject within `within_s` seconds."""

    kind: str
    most: int
    within_s: int


MAILS = Limit("mail", 5, 3_600)
"""Mails to one address that somebody who is not signed in asked for."""
SIGN_UPS = Limit("sign_up", 20, 3_600)
RESETS = Limit("reset", 20, 3_600)
"""Forms sent from one network address."""
EXPORTS = Limit("export", 5, 3_600)
"""Files with one account's own data."""
DOWNLOADS = Limit("download", 20, 3_600)
"""Downloads of such a file."""
CONFIRMATIONS = Limit("confirmation", 10, 300)
"""Passwords of a signed-in person; a right one sets the count back."""
CODES = Limit("code", 10, 300)
"""Codes of one account's second factor; a right one sets the count back."""


def count(limit: Limit, subject: object) -> None:
    """Count an attempt, in a transaction of its own.

    Locks the subject's name: of many at once exactly `most` pass. Attempts after now (the clock ran back) do not count.

    Raises:
        Throttled: there were enough; this one is not counted. `retry_after_s` is when the oldest is over.
    """
    digest = _digest(limit, subject)

    def work() -> None:
        lock_name(f"attempt:{digest.hex()}")
        now = db_now()
        begin = now - timedelta(seconds=limit.within_s)
        recent = Attempt.objects.filter(subject=digest, at__gt=begin, at__lte=now).order_by("at")
        times = list(recent.values_list("at", flat=True)[: limit.most])
        if len(times) == limit.most:
            raise Throttled(retry_after_s=max(1.0, (times[0] - begin).total_seconds()))
        Attempt.objects.create(subject=digest)

    command(work)


def count_mail(email: str) -> None:
    """Count a mail to an address that anybody may have typed. Raises Throttled."""
    count(MAILS, email)


def count_form(request: HttpRequest, limit: Limit) -> None:
    """Count a form from the client's network address; loopback has no limit. Raises Throttled."""
    address = client_address(request)
    if address is not None and not ip_address(address).is_loopback:
        count(limit, address)


def forget(limit: Limit, subject: object) -> None:
    """Set a subject's count back."""
    Attempt.objects.filter(subject=_digest(limit, subject)).delete()


def _digest(limit: Limit, subject: object) -> bytes:
    """A keyed hash: addresses are no part of the database."""
    return salted_hmac(f"attempt.{limit.kind}", str(subject), algorithm="sha256").digest()
