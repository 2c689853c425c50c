"""Where one is signed in, and ending it: one place, or all others."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from allauth.usersessions.models import UserSession
from django.contrib import auth
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import sessions
from accounts.models import User
from accounts.services.people import locked
from core.db import command, first_or_not_found


@dataclass(frozen=True)
class SignedInPlace:
    """A browser's session or an application's family of refresh tokens. Times are of the wall clock."""

    id: int
    device: str
    is_application: bool
    is_here: bool
    since: datetime
    seen: datetime

    @property
    def is_phone(self) -> bool:
        return self.device.endswith(("Android", "iPhone", "iPad"))


def places_of(user: User, *, here: str = "") -> list[SignedInPlace]:
    """Return where a person is signed in, the session with the key `here` first (three statements)."""
    now = timezone.now()
    rows = list(UserSession.objects.filter(user=user).order_by("-last_seen_at", "-id"))
    keys = [row.session_key for row in rows]
    good = set(Session.objects.filter(session_key__in=keys, expire_date__gt=now).values_list("session_key", flat=True))
    tokens = OutstandingToken.objects.filter(user=user, jti__in=keys, expires_at__gt=now, blacklistedtoken=None)
    good |= set(tokens.values_list("jti", flat=True))
    places = [
        SignedInPlace(
            id=row.pk,
            device=row.user_agent,
            is_application=row.data.get("kind") == sessions.APPLICATION,
            is_here=row.session_key == here,
            since=row.created_at,
            seen=row.last_seen_at,
        )
        for row in rows
        if row.session_key in good
    ]
    return sorted(places, key=lambda place: not place.is_here)


def end_place(*, user: User, place_id: int) -> str:
    """End one of a person's own sessions or families of tokens at once, access tokens too; return its device.

    Locks the account, the record, then the token.

    Raises:
        NotFound: it has ended, or is somebody else's; nothing was written.
    """

    def work() -> str:
        sessions.lock_account(user.pk)
        row = first_or_not_found(UserSession.objects.select_for_update().filter(user=user, pk=place_id))
        sessions.end(row)
        return str(row.user_agent)

    return command(work)


def end_other_places(request: HttpRequest) -> None:
    """End every other session and all tokens of the signed-in person at once, access tokens too.

    Locks the account's row.
    """
    key = str(request.session.session_key)

    def work() -> User:
        user = locked(cast(User, request.user).pk)
        user.sign_in_epoch += 1
        user.save(update_fields=["sign_in_epoch"])
        sessions.end_all(user.pk, but=key)
        return user

    user = command(work)
    request.user = user
    stay(request, user)


def stay(request: HttpRequest, user: User) -> None:
    """Keep this session when its person's password or epoch has just changed; see `_renewed`."""
    _renewed(request, lambda: auth.update_session_auth_hash(request, user))


def renew_session(request: HttpRequest) -> None:
    """Give this session another key; see `_renewed`."""
    _renewed(request, request.session.cycle_key)


def _renewed(request: HttpRequest, renew: Callable[[], object]) -> None:
    """Give a session another key, unless it is ended at this moment: then it has ended. Locks its record."""
    was = str(request.session.session_key)
    with transaction.atomic():
        if request.session.get(sessions.NOTED) and not sessions.lock_record(was):
            auth.logout(request)
            return
        renew()
        sessions.rename(was, str(request.session.session_key))
