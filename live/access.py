"""Who may open which stream. Checked once when a stream opens, in a thread with its own database connection."""

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
class StreamAccess:
    """Permission to open a stream: the owner it is counted for, and when the credentials expire (epoch seconds)."""

    channel: Channel
    owner: str
    until: float | None = None


async def in_database_thread(query: Callable[[], T]) -> T:
    """Run a database query outside the event loop."""

    def in_thread() -> T:
        try:
            return query()
        finally:
            connections.close_all()

    return await asyncio.to_thread(in_thread)


def person(headers: Mapping[str, str]) -> StreamAccess:
    """Grant the bearer of a token or of a session access to their own stream. Raises Unauthenticated."""
    scheme, _, raw = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        user, until = accounts.token_user(raw.strip())
        return StreamAccess(Channel("person", user.pk), f"person:{user.pk}", float(until))
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    holder = accounts.session_user(key) if key else None
    if holder is None:
        raise Unauthenticated
    return StreamAccess(Channel("person", holder.pk), f"person:{holder.pk}")


def room(performer_id: UUID, *, headers: Mapping[str, str], peer: str) -> StreamAccess:
    """Grant anybody access to the room of an active performer. Raises NotFound if there is none."""
    if not accounts.is_performer(performer_id):
        raise NotFound
    address = accounts.address_of(forwarded_for=headers.get("x-forwarded-for", ""), peer=peer)
    return StreamAccess(Channel("room", performer_id), f"address:{address}")
