"""A client of the events process inside the test's own event loop, and writers with connections of their own."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from unittest.mock import patch
from uuid import UUID

import psycopg
from django.db import connection, connections, transaction

from core.db import rows
from live.asgi import Events
from live.hub import Hub, Limits
from live.models import MessageTemplate
from live.services import Event, emit
from live.templates import fill

T = TypeVar("T")
QUICK = Limits(poll_s=0.02, heartbeat_s=30.0)
PATIENCE_S = 10.0
STATES = ("created", "started", "finished", "abandoned", "refunded")
ROOM_KEYS = {"menu.changed", "queue.changed", *(f"queue.item.{state}" for state in STATES)}


def rendered(key: str, variables: dict[str, Any]) -> str:
    """The message of an event by the template in force."""
    newest = MessageTemplate.objects.filter(key=key).order_by("-version").values_list("text", flat=True).first()
    return fill(newest or "", variables)


@dataclass
class Piece:
    """One block of a stream."""

    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    id: str = ""
    comment: str = ""
    retry: str = ""


def pieces(raw: bytes) -> list[Piece]:
    found = []
    for block in raw.decode().split("\n\n"):
        piece = Piece()
        for line in filter(None, block.split("\n")):
            name, _, value = line.partition(": ")
            if not name or name.startswith(":"):
                piece.comment = value
            else:
                setattr(piece, name, json.loads(value) if name == "data" else value)
        if block:
            found.append(piece)
    return found


class Connected:
    """One open request."""

    def __init__(self, app: Events, path: str, headers: dict[str, str], method: str) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.raw = b""
        self.over = False
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 50000),
        }
        self.taking = asyncio.Event()
        self.taking.set()
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.taking.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.raw += message["body"]
            self.over = not message["more_body"]
        self._changed.set()

    async def until(self, done: Callable[["Connected"], bool]) -> None:
        """Wait for something to be true of what was received."""
        async with asyncio.timeout(PATIENCE_S):
            while not done(self):
                self._changed.clear()
                await self._changed.wait()

    async def events(self, count: int) -> list[Piece]:
        """Wait for so many events and return all that came."""
        await self.until(lambda self: len(self.received) >= count)
        return self.received

    async def opened(self) -> "Connected":
        await self.until(lambda self: bool(self.raw) or self.over)
        return self

    async def closed(self) -> "Connected":
        await self.until(lambda self: self.over)
        await self.task
        return self

    async def leave(self) -> None:
        self._gone.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.task

    @property
    def received(self) -> list[Piece]:
        return [piece for piece in pieces(self.raw) if piece.event]

    @property
    def last_id(self) -> str:
        return [piece.id for piece in pieces(self.raw) if piece.id][-1]

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Process:
    """A running events process."""

    def __init__(self, app: Events) -> None:
        self.app = app

    def get(self, path: str, *, method: str = "GET", **headers: str) -> Connected:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Connected(self.app, path, named, method)

    @property
    def hub(self) -> Hub:
        assert self.app.running is not None
        return self.app.running.hub

    async def read_anew(self) -> None:
        """Wait for the end of a read of the outbox that begins after this call: one may be running, the next is new."""
        ended: asyncio.Queue[None] = asyncio.Queue()
        end_read = self.hub.end_read

        def end() -> None:
            end_read()
            ended.put_nowait(None)

        with patch.object(self.hub, "end_read", end):
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(2):
                    await ended.get()

    async def room(self, performer_id: UUID, **headers: str) -> Connected:
        return await self.get(f"/live/performer/{performer_id}", **headers).opened()

    async def me(self, access: str, **headers: str) -> Connected:
        return await self.get("/live/me", Authorization=f"Bearer {access}", **headers).opened()


@asynccontextmanager
async def running(limits: Limits = QUICK) -> AsyncIterator[Process]:
    """Start an events process by the lifespan protocol and stop it the same way."""
    app = Events(limits)
    to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield Process(app)
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await life


async def threaded(work: Callable[[], T]) -> T:
    """Do something with the database outside the event loop."""

    def in_thread() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(in_thread)


async def committed(*events: Event) -> None:
    def work() -> None:
        with transaction.atomic():
            emit(events)

    await threaded(work)


async def settled(*events: Event) -> None:
    """The same, and wait until no older transaction of the server runs: a poller waits for those of other databases."""
    await committed(*events)

    def older_have_ended() -> bool:
        moment = "SELECT pg_snapshot_{}(pg_current_snapshot())::text::bigint AS xid"
        newest = rows(moment.format("xmax"))[0]["xid"]
        return any(
            rows(moment.format("xmin"))[0]["xid"] >= newest or threading.Event().wait(0.02)
            for _ in range(int(PATIENCE_S / 0.02))
        )

    assert await threaded(older_have_ended), "an older transaction does not end"


@contextmanager
def writer(**other: str) -> Iterator[psycopg.Connection]:
    """A session whose transaction the test ends when it wants to; `dbname` of another database of the server."""
    given = {**connection.get_connection_params(), **other}
    own: dict[str, Any] = {name: value for name, value in given.items() if name not in {"cursor_factory", "context"}}
    with psycopg.connect(**own) as link:
        yield link


def insert(link: psycopg.Connection, key: str, *, room: UUID | None = None, recipient: UUID | None = None) -> None:
    link.execute(
        "INSERT INTO live_event (key, variables, room, recipient) VALUES (%s, '{}', %s, %s)", [key, room, recipient]
    )
