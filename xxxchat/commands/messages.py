"""Requests and answers of the commands process, between ASGI and what answers them."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from core.middleware import DRAIN_LIMIT_BYTES
from core.parsing import MAX_BODY_BYTES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
KEPT_BYTES = MAX_BODY_BYTES + 1  # with one byte too many a body is refused


def text_of(value: bytes) -> str:
    """Return a header's value as web's server gives it to Django: one that is not ASCII is empty."""
    return value.decode() if value.isascii() else ""


def peer_of(scope: Scope) -> str:
    """Return the address that opened the connection; "" if there is none."""
    return (scope.get("client") or ("",))[0] or ""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer to be sent, with all its headers. `is_simple`: it has a body, and headers of our own alone."""

    status: int
    headers: Headers
    body: bytes
    is_simple: bool = False

    async def send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


async def read_body(receive: Receive) -> bytes | None:
    """Read a body to its end, of which `KEPT_BYTES` are kept; None if the client goes away before, or never ends."""
    message = await receive()
    kept, read = b"", 0
    while message["type"] == "http.request":
        piece = message.get("body", b"")
        read += len(piece)
        if len(kept) < KEPT_BYTES:
            kept += piece[: KEPT_BYTES - len(kept)]
        if not message.get("more_body") or read > DRAIN_LIMIT_BYTES:
            return kept
        message = await receive()
    return None
