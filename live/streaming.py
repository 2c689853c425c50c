"""Sending one stream over ASGI until the client disconnects, falls behind, or its lifetime ends."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import structlog

from live.feed import HEARTBEAT, first_block
from live.hub import Limits, Stream

log = structlog.get_logger()
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


def start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


def body(piece: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def send_headers(request_id: str, send: Send, *, ended: bool = False) -> None:
    """Start the answer of a stream; with `ended` it ends there."""
    await send(start(200, {**HEADERS, "X-Request-Id": request_id}))
    if ended:
        await send(body(b"", more=False))


async def serve(
    stream: Stream, *, lasting_s: float, limits: Limits, request_id: str, receive: Receive, send: Send
) -> None:
    """Send the stream. It ends after `lasting_s` seconds, with the client, or when the hub ends it."""
    await send_headers(request_id, send)
    pumping = asyncio.create_task(_pump(stream, limits, send))
    disconnecting = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({pumping, disconnecting}, timeout=lasting_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        pumping.cancel()
        disconnecting.cancel()
    (ending, _) = await asyncio.gather(pumping, disconnecting, return_exceptions=True)
    if isinstance(ending, TimeoutError | OSError):
        return  # the client does not read; the server drops the connection
    if isinstance(ending, Exception):
        log.error("stream_failed", exc_info=ending)
    await send(body(b"", more=False))


async def _pump(stream: Stream, limits: Limits, send: Send) -> None:
    """Send the first block, then events as they come, and a heartbeat when there are none."""
    piece = first_block(stream.after, complete=stream.complete, retry_ms=int(limits.retry_s * 1000))
    while True:
        async with asyncio.timeout(limits.send_s):
            await send(body(piece, more=True))
        if stream.ended and stream.drained:
            return
        piece = await stream.next(within_s=limits.heartbeat_s) or HEARTBEAT


async def _disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        continue
