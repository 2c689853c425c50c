"""Who may open which stream. Checked once when a stream opens, in a thread with its own database connection."""

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import close_old_connections, connections
from django.http import parse_cookie

from accounts import services as accounts
from core.errors import NotFound, Unauthenticated
from core.wire import clean_cookies
from live.feed import Channel

T = TypeVar("T")


@dataclass(frozen=True)
class StreamAccess:
    """Permission to open a stream: the owner it is counted for, and when the credentials expire (epoch seconds)."""

    channel: Channel
    owner: str | None
    until: float | None = None


class DatabaseThreads:
    """Runs queries outside the event loop. Each thread keeps its connection, as a web thread does."""

    def __init__(self, count: int = 4) -> None:
        self._count = count
        self._threads = ThreadPoolExecutor(count, "live-access")

    async def run(self, query: Callable[[], T]) -> T:
        """Run a query and return its result."""

        def in_thread() -> T:
            close_old_connections()
            try:
                return query()
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(
            self._threads, contextvars.copy_context().run, in_thread
        )

    def close(self) -> None:
        """End the threads; each closes its own connection."""
        all_at_once = threading.Barrier(self._count)

        def in_thread(_: int) -> None:
            all_at_once.wait()
            connections.close_all()

        list(self._threads.map(in_thread, range(self._count)))
        self._threads.shutdown()


def person(headers: Mapping[str, str]) -> StreamAccess:
    """Grant the bearer of a token or of a session access to their own stream. Raises Unauthenticated."""
    scheme, _, raw = headers.get("authorization", "").partition(" ")
    if scheme == "Bearer":
        user, until = accounts.token_user(raw.strip())
        return StreamAccess(Channel("person", user.pk), f"person:{user.pk}", float(until))
    key = parse_cookie(clean_cookies(headers.get("cookie", ""))).get(settings.SESSION_COOKIE_NAME)
    holder = accounts.session_user(key) if key else None
    if holder is None:
        raise Unauthenticated
    return StreamAccess(Channel("person", holder.pk), f"person:{holder.pk}")


def room(performer_id: UUID, *, headers: Mapping[str, str], peer: str) -> StreamAccess:
    """Grant anybody access to the room of an active performer. Raises NotFound if there is none.

    Streams are counted for the client's address, but for none of this machine itself.
    """
    if not accounts.is_performer(performer_id):
        raise NotFound
    address = accounts.address_of(forwarded_for=headers.get("x-forwarded-for", ""), peer=peer)
    counted = address is None or not ip_address(address).is_loopback
    return StreamAccess(Channel("room", performer_id), f"address:{address}" if counted else None)
