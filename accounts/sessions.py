"""The record of where people are signed in: browsers' sessions and families of refresh tokens.

The rows are django-allauth's (`usersessions_usersession`). A row keeps a coarse device ("Firefox on Android"), never
the user agent, and no address: its column `ip`, which may not be null, has the unspecified one. `session_key` is the
session's key or the id of the refresh token that is good now. A row is no permission: what ends a session or a token
is its own row, deleted or listed as used. Access tokens have no row: the account names the families that were ended
while access tokens of theirs may still live, and every request reads the account.
"""

import re
import time
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts.models import User

NO_ADDRESS = "0.0.0.0"  # noqa: S104  no address is kept
NOTED = "noted"
BROWSER, APPLICATION = "browser", "application"
SEEN_EVERY_S = 900
"""How exact "last seen" is: a statement for each page would cost more than it tells."""
MOST_REMEMBERED = 8_192
ACCESS_LIVES: timedelta = api_settings.ACCESS_TOKEN_LIFETIME
CLOCKS_AGREE = timedelta(minutes=1)
"""By how much the clocks of hosts may differ."""
KEPT = timedelta(days=30)
_seen: dict[str, float] = {}
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
"""In this order: what names itself as another as well stands before that one."""


def device_of(user_agent: str) -> str:
    """Return the coarse device that a user agent names; the name of a program without a browser's."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    program = re.match(r"[A-Za-z][A-Za-z-]{1,29}(?=/|\s|$)", user_agent)
    return program[0] if program else "Unknown device"


def begin_session(request: HttpRequest, user: User) -> None:
    """Record the browser's session that has just been started for this person."""
    if not request.session.session_key:
        request.session.save()
    request.session[NOTED] = True
    _add(user, request, str(request.session.session_key), BROWSER)


def begin_tokens(request: HttpRequest, user: User, family: str) -> None:
    """Record a family of tokens by the id of its first refresh token."""
    _add(user, request, family, APPLICATION, family=family)


def _add(user: User, request: HttpRequest, key: str, kind: str, **more: str) -> None:
    UserSession.objects.filter(user=user, last_seen_at__lt=timezone.now() - KEPT).delete()
    device = device_of(request.META.get("HTTP_USER_AGENT", ""))
    facts = {"user": user, "ip": NO_ADDRESS, "user_agent": device, "data": {"kind": kind, **more}}
    UserSession.objects.update_or_create(session_key=key, defaults=facts)


def lock_account(user_id: Any) -> None:
    """Lock the account whose tokens are to be ended. Before its records and tokens, as `bar_family` needs."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user_id).values_list("pk"))


def lock_record(key: str) -> bool:
    """Lock the row of a session or a family; return whether there is one. Before a token's own row, as `end` needs."""
    return bool(UserSession.objects.select_for_update(no_key=True).filter(session_key=key).values_list("pk").first())


def rename(was: str, key: str) -> None:
    """Note that a session has another key now."""
    UserSession.objects.filter(session_key=was).update(session_key=key, last_seen_at=timezone.now())


def renew_tokens(was: str, jti: str, *, family: str) -> None:
    """Note that a family has another refresh token now."""
    data = {"kind": APPLICATION, "family": family}
    UserSession.objects.filter(session_key=was).update(session_key=jti, data=data, last_seen_at=timezone.now())


def note_seen(request: HttpRequest) -> None:
    """Note that a recorded session was used just now (a statement each 15 minutes and process, else none)."""
    if not request.session.accessed or not request.session.get(NOTED):
        return
    key, now = str(request.session.session_key), time.monotonic()
    if now - _seen.get(key, -SEEN_EVERY_S) < SEEN_EVERY_S:
        return
    if len(_seen) >= MOST_REMEMBERED:
        _seen.clear()
    _seen[key] = now
    earlier = timezone.now() - timedelta(seconds=SEEN_EVERY_S)
    UserSession.objects.filter(session_key=key, last_seen_at__lt=earlier).update(last_seen_at=timezone.now())


def forget(key: str) -> None:
    """Delete the record of a session or family that has ended."""
    UserSession.objects.filter(session_key=key).delete()


def bar_family(user_id: Any, family: str | None) -> None:
    """Refuse the access tokens of a family from the commit on. The account is locked.

    Forgets the families named before if the last of them was ended longer ago than an access token lives. `family` is
    None for a token of before there were families: its access token lives on.
    """
    if family is None:
        return
    now = timezone.now()
    user = User.objects.get(pk=user_id)
    live_on = user.family_ended_at is not None and user.family_ended_at > now - ACCESS_LIVES - CLOCKS_AGREE
    user.ended_families = [*(user.ended_families if live_on else ()), family]
    user.family_ended_at = now
    user.save(update_fields=["ended_families", "family_ended_at"])


def end(row: Any) -> None:
    """End a session or a family at once; the account and the row are locked. The row is deleted."""
    if row.data.get("kind") == APPLICATION:
        bar_family(row.user_id, row.data.get("family"))
        token = OutstandingToken.objects.select_for_update(no_key=True).filter(jti=row.session_key).first()
        if token is not None:
            BlacklistedToken.objects.get_or_create(token=token)
    else:
        _store().delete(row.session_key)
    row.delete()


def end_all(user_id: UUID, *, but: str = "") -> None:
    """Delete the records and the sessions of a person, except that of the key `but`.

    The caller changes the password or `sign_in_epoch` in the same transaction: that ends what has no record, and every
    token.
    """
    rows = UserSession.objects.filter(user_id=user_id).exclude(session_key=but)
    for row in rows.filter(data__kind=BROWSER):
        _store().delete(row.session_key)
    rows.delete()


def _store() -> Any:
    if not connection.in_atomic_block:
        raise AssertionError("a session and its record are deleted in one transaction")
    return import_module(settings.SESSION_ENGINE).SessionStore()
