"""Who may open which stream. Asked once when a stream opens, in a thread with a database connection of its own."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.http import parse_cookie

from accounts import services as accounts
from core.errors import NotFound, Unauthenticated
from live.feed import Channel

T = TypeVar("T")


@dataclass(frozen=True)
class Admitted:
    """A stream that may be opened: whom it counts against, and when its proof of identity ends (epoch seconds)."""

    channel: Channel
    owner: str
    until: float | None = None


async def asked(question: Callable[[], T]) -> T:
    """Put a question to the database outside the event loop."""

    def in_thread() -> T:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(in_thread)


def person(headers: Mapping[str, str]) -> Admitted:
    """Admit the bearer of a token or of a session to her own stream.

    Raises:
        Unauthenticated.
    """
    scheme, _, raw = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        user, until = accounts.bearer(raw.strip())
        return Admitted(Channel("person", user.pk), f"person:{user.pk}", float(until))
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    holder = accounts.session_user(key) if key else None
    if holder is None:
        raise Unauthenticated
    return Admitted(Channel("person", holder.pk), f"person:{holder.pk}")


def room(performer_id: UUID, *, headers: Mapping[str, str], peer: str) -> Admitted:
    """Admit anybody to the room of an active performer.

    Raises:
        NotFound: there is no such performer.
    """
    if not accounts.is_performer(performer_id):
        raise NotFound
    address = accounts.address_of(forwarded_for=headers.get("x-forwarded-for", ""), peer=peer)
    return Admitted(Channel("room", performer_id), f"address:{address}")
