"""What an event looks like on the wire, and to whom it may be shown. Pure: no database, no clock, no socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from live.words import fill

Position = tuple[int, int]
"""(xid, id): the order of the stream. Every event of a finished transaction lies below every event still to come."""

HEARTBEAT = b": still here\n\n"
ROOM_KEYS = frozenset(
    {"menu.changed", *(f"queue.item.{state}" for state in ("created", "started", "finished", "abandoned", "refunded"))}
)
"""The only keys a room may see. Notices and spins are for one person, whatever their row says."""
ROOM_VARIABLES = frozenset({"itemId", "performerId", "title", "state", "position", "menuId"})
"""The only variables a room may see: what a stranger may know of an item or a menu."""


class Channel(NamedTuple):
    """Whose stream: everybody's in a performer's room, or one person's."""

    kind: Literal["room", "person"]
    id: UUID


@dataclass(frozen=True, slots=True)
class Row:
    """An event as the outbox has it."""

    xid: int
    id: int
    key: str
    variables: Mapping[str, Any]
    room: UUID | None
    recipient: UUID | None
    at: datetime

    @property
    def position(self) -> Position:
        return (self.xid, self.id)

    @property
    def channels(self) -> tuple[Channel, ...]:
        room = (Channel("room", self.room),) if self.room is not None and self.key in ROOM_KEYS else ()
        person = (Channel("person", self.recipient),) if self.recipient is not None else ()
        return room + person


@dataclass(frozen=True, slots=True)
class Told:
    """An event as one audience is told of it. `id` is that of the stream."""

    id: str
    key: str
    variables: Mapping[str, Any]
    text: str
    at: datetime

    def out(self) -> dict[str, Any]:
        """What a stream's `data:` says."""
        at = self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"key": self.key, "variables": self.variables, "text": self.text, "at": at}


def told(row: Row, text: str, *, kind: Literal["room", "person"]) -> Told:
    """Fill an event's words for an audience, from what it may see alone."""
    variables = row.variables
    if kind == "room":
        variables = {name: value for name, value in variables.items() if name in ROOM_VARIABLES}
    return Told(f"{row.xid}-{row.id}", row.key, variables, fill(text, variables), row.at)


class Message:
    """An event ready to be sent; each audience's bytes are made once, when the first of them needs it."""

    __slots__ = ("_frames", "_texts", "channels", "position", "row")

    def __init__(self, row: Row, texts: Mapping[str, str]) -> None:
        self.row = row
        self.position = row.position
        self.channels = row.channels
        self._texts = texts
        self._frames: dict[str, bytes] = {}

    def frame(self, channel: Channel) -> bytes:
        if channel.kind not in self._frames:
            self._frames[channel.kind] = self._encoded(channel)
        return self._frames[channel.kind]

    def _encoded(self, channel: Channel) -> bytes:
        said = told(self.row, self._texts.get(self.row.key, ""), kind=channel.kind)
        return f"event: {said.key}\ndata: {json.dumps(said.out())}\nid: {said.id}\n\n".encode()


def hello(position: Position, *, complete: bool, retry_ms: int) -> bytes:
    """Open a stream: where it stands and, when events may be missing before that, the advice to read the state anew."""
    lines = f"retry: {retry_ms}\nid: {position[0]}-{position[1]}\n\n"
    return (lines if complete else f'event: live.reset\ndata: {{"key": "live.reset"}}\n{lines}').encode()


def position_of(text: str) -> Position | None:
    """Read a `Last-Event-ID`; None when it is none of ours."""
    xid, dash, number = text.partition("-")
    sound = dash and all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (xid, number))
    return (int(xid), int(number)) if sound else None
