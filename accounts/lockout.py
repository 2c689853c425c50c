"""Lock-out after repeated failures, counted by django-axes per pair of name and client address.

An address alone is never locked: other people may share it.
"""

import math
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.errors import SignInLocked
from core.envelope import error_page


def address_of(*, forwarded_for: str, peer: str) -> str | None:
    """Return the client's address as the outermost of our TRUSTED_PROXIES saw it; None if there is none.

    Each proxy appends the address it saw to X-Forwarded-For, so as many entries as we have proxies are trustworthy,
    counted from the right.
    """
    addresses = [part.strip() for part in forwarded_for.split(",")]
    trusted: int = settings.TRUSTED_PROXIES
    candidates = [addresses[-trusted], peer] if 0 < trusted <= len(addresses) else [peer]
    return next((text for text in candidates if _is_address(text)), None)


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address of a request (AXES_CLIENT_IP_CALLABLE)."""
    return address_of(
        forwarded_for=request.META.get("HTTP_X_FORWARDED_FOR", ""), peer=request.META.get("REMOTE_ADDR") or ""
    )


def reset_failures(request: HttpRequest, username: str) -> None:
    """Delete the failures counted for this name and address, after a successful sign-in."""
    AxesProxyHandler.reset_attempts(username=username, ip_address=client_address(request))


def seconds_left(request: HttpRequest, username: str) -> int:
    """Return how long this name stays locked for this address, at least 1 s. Axes uses the wall clock."""
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(username=username, ip_address=client_address(request))
    last: datetime | None = attempts.aggregate(last=Max("attempt_time"))["last"]
    if last is None:
        return 1
    return max(1, math.ceil((last + cool_off - timezone.now()).total_seconds()))


def locked_response(
    request: HttpRequest, response: HttpResponse | None = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Answer a request that axes has locked out (AXES_LOCKOUT_CALLABLE).

    Our endpoints and pages have answered 429 already; for the admin's sign-in form it is the page of that error.
    """
    if response is not None and response.status_code == 429:
        return response
    seconds = seconds_left(request, (credentials or {}).get("username") or "")
    return error_page(request, SignInLocked(retry_after_s=seconds))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
