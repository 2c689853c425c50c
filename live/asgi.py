"""The events process: server-sent events over ASGI. A stream's loop touches memory and its own socket only."""

import asyncio
import json
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import NamedTuple
from uuid import UUID

import structlog

from core import envelope
from core.errors import InternalError, MethodNotAllowed, NotFound
from core.fields import UUID_TEXT
from core.ids import new_id
from core.middleware import VALID_ID
from live import descriptors
from live.access import DatabaseThreads, StreamAccess, person, room
from live.feed import position_of
from live.hub import Hub, Limits, Stream
from live.outbox import Outbox
from live.poller import Poller
from live.replay import Replays
from live.streaming import Receive, Scope, Send, body, send_headers, serve, start

log = structlog.get_logger()
ROOM = re.compile(r"\A/live/performer/([^/]+)\Z")
METHODS = ("GET", "HEAD")
SHORTEST_LIFE = 0.8


class Running(NamedTuple):
    """What answers streams while the process runs."""

    hub: Hub
    replays: Replays
    threads: DatabaseThreads


class Events:
    """GET /live/me and GET /live/performer/{id}; every other path is 404. One hub and one poller for all streams.

    HEAD is answered with the headers of GET and opens no stream.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.running: Running | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._run(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _run(self, receive: Receive, send: Send) -> None:
        """Read the outbox from start-up to shutdown; a database that cannot be read at start-up ends the process."""
        await receive()
        outbox, hub = Outbox(), Hub(self._allowed())
        poller = Poller(hub, outbox)
        try:
            await outbox.open()
            await poller.start()
        except Exception as exc:  # noqa: BLE001  the server logs it and stops
            await outbox.close()
            await send({"type": "lifespan.startup.failed", "message": repr(exc)})
            return
        threads = DatabaseThreads()
        self.running = Running(hub, Replays(outbox, self.limits, lambda: poller.texts), threads)
        reading = asyncio.create_task(poller.run())
        reading.add_done_callback(lambda task: self._reading_ended(hub, task))
        with _ended_by_signal(hub):
            await send({"type": "lifespan.startup.complete"})
            await receive()
        reading.cancel()
        await outbox.close()
        threads.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _allowed(self) -> Limits:
        """Return the limits, with no more streams than the process may open files."""
        streams = descriptors.allow(self.limits.streams)
        if streams < self.limits.streams:
            log.warning("fewer_streams_than_configured", allowed=streams, configured=self.limits.streams)
        return replace(self.limits, streams=streams)

    def _reading_ended(self, hub: Hub, reading: asyncio.Task[None]) -> None:
        """Close every stream and open no more: clients must see that no events arrive."""
        hub.end_all()
        self.running = None
        if not reading.cancelled():
            log.error("outbox_reader_failed", exc_info=reading.exception())

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get("x-request-id", "")
        request_id = given if VALID_ID.match(given) else str(new_id())
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                access = await self._access(scope, headers)
                if scope["method"] == "HEAD":
                    await send_headers(request_id, send, ended=True)
                    return
                running = self._running()
                stream = await _subscribed(running, access, headers.get("last-event-id"))
            except Exception as exc:  # noqa: BLE001  refusals are answered, the rest is logged
                await _refuse(exc, request_id, send)
                return
            try:
                lasting_s = self._lasting_s(access)
                await serve(
                    stream, lasting_s=lasting_s, limits=self.limits, request_id=request_id, receive=receive, send=send
                )
            finally:
                running.hub.unsubscribe(stream)

    def _running(self) -> Running:
        if self.running is None:
            raise InternalError
        return self.running

    async def _access(self, scope: Scope, headers: dict[str, str]) -> StreamAccess:
        """Check credentials, method and room: 401, then 405, then 404."""
        path, method = scope["path"], scope["method"]
        named = ROOM.match(path)
        if path == "/live/me":
            access = await self._running().threads.run(lambda: person(headers))
        elif named is None or (method in METHODS and not UUID_TEXT.match(named[1])):
            raise NotFound
        if method not in METHODS:
            raise MethodNotAllowed(method=method[:20])
        if named is None:
            return access
        peer = str((scope.get("client") or ("",))[0])
        return await self._running().threads.run(lambda: room(UUID(named[1]), headers=headers, peer=peer))

    def _lasting_s(self, access: StreamAccess) -> float:
        """Return how long a stream may stay open: until its token expires, and not so long as all others.

        Streams that were opened at one moment, after a restart, end at different ones.
        """
        lifetime_s = self.limits.lifetime_s * random.uniform(SHORTEST_LIFE, 1)  # noqa: S311  jitter, not a secret
        if access.until is None:
            return lifetime_s
        return max(0.0, min(lifetime_s, access.until - time.time()))


async def _subscribed(running: Running, access: StreamAccess, given: str | None) -> Stream:
    """Open a stream that has started; with a `Last-Event-ID`, what was missed since then is buffered for it."""
    stream = running.hub.subscribe(access.channel, owner=access.owner)
    try:
        await stream.started()
        last = position_of(given) if given is not None else None
        if last is not None:
            await running.replays.resume(stream, last)
        elif given is not None:
            stream.complete = False
    except BaseException:
        running.hub.unsubscribe(stream)
        raise
    return stream


async def _refuse(exc: Exception, request_id: str, send: Send) -> None:
    error = envelope.domain_error_of(exc)
    if error is None:
        log.error("stream_not_opened", exc_info=exc)
        error = InternalError()
    headers = {**envelope.headers_of(error), "Content-Type": "application/json", "X-Request-Id": request_id}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(METHODS)
    await send(start(envelope.STATUS[error.kind], {**headers, "Cache-Control": "no-store"}))
    await send(body(json.dumps(envelope.body_of(error), default=str).encode(), more=False))


@contextmanager
def _ended_by_signal(hub: Hub) -> Iterator[None]:
    """End the streams as soon as SIGTERM or SIGINT arrives: the server waits for open answers before it stops."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(hub.end_all)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
