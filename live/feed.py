"""The form of an event on the wire, and who may see it. Pure: no database, no clock, no socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from live.templates import fill, room_variables

Position = tuple[int, int]
"""(xid, id): the order of the stream. Only a transaction that was passed while it was open has events below."""

HEARTBEAT = b": still here\n\n"


class Channel(NamedTuple):
    """The audience of a stream: a performer's room, or one person."""

    kind: Literal["room", "person"]
    id: UUID


@dataclass(frozen=True, slots=True)
class Row:
    """An event of the outbox."""

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
        room = (Channel("room", self.room),) if self.room is not None and room_variables(self.key) else ()
        person = (Channel("person", self.recipient),) if self.recipient is not None else ()
        return room + person


@dataclass(frozen=True, slots=True)
class Message:
    """An event as one audience receives it. `id` is the event id of the stream."""

    id: str
    key: str
    variables: Mapping[str, Any]
    text: str
    at: datetime

    def out(self) -> dict[str, Any]:
        """Return the content of the stream's `data:` field."""
        at = self.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return {"key": self.key, "variables": self.variables, "text": self.text, "at": at}


def message_of(row: Row, text: str, *, kind: Literal["room", "person"]) -> Message:
    """Render an event for an audience, with the variables that it may see only."""
    variables = row.variables
    if kind == "room":
        variables = {name: value for name, value in variables.items() if name in room_variables(row.key)}
    return Message(f"{row.xid}-{row.id}", row.key, variables, fill(text, variables), row.at)


class FramedEvent:
    """An event ready to be sent; the bytes for each audience are made once, at first use.

    `late`: how far the outbox had been read before this event, which lies below; None for an event in its order.
    """

    __slots__ = ("_frames", "_texts", "channels", "late", "position", "row")

    def __init__(self, row: Row, texts: Mapping[str, str], *, late: Position | None = None) -> None:
        self.row = row
        self.position = row.position
        self.channels = row.channels
        self.late = late
        self._texts = texts
        self._frames: dict[str, bytes] = {}

    def frame(self, channel: Channel) -> bytes:
        if channel.kind not in self._frames:
            self._frames[channel.kind] = self._encoded(channel)
        return self._frames[channel.kind]

    def _encoded(self, channel: Channel) -> bytes:
        message = message_of(self.row, self._texts.get(self.row.key, ""), kind=channel.kind)
        block = f"event: {message.key}\ndata: {json.dumps(message.out())}\nid: {message.id}\n\n"
        if self.late is not None:  # the client's Last-Event-ID stays where it was
            block += f"id: {self.late[0]}-{self.late[1]}\n\n"
        return block.encode()


def first_block(position: Position, *, complete: bool, retry_ms: int) -> bytes:
    """Return a stream's first block: its position and, when events may be missing before it, `live.reset`."""
    block = f"retry: {retry_ms}\nid: {position[0]}-{position[1]}\n\n"
    return (block if complete else f'event: live.reset\ndata: {{"key": "live.reset"}}\n{block}').encode()


def position_of(text: str) -> Position | None:
    """Parse a `Last-Event-ID`; None if it is malformed."""
    xid, dash, number = text.partition("-")
    sound = dash and all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (xid, number))
    return (int(xid), int(number)) if sound else None
