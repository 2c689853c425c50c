"""One person's data from every app, as one JSON document that is written while it is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

import accounts.services
import compliance.services
import escrow.services
import loyalty.services
import menus.services
import perfqueue.services
import slots.services
from accounts.models import User
from core.clock import db_now
from core.own_data import Section

FORMAT = 1
CHUNK_BYTES = 256 * 1024
"""Of a piece, about: a row longer than that is one piece."""


def sections(user: User) -> Iterator[Section]:
    """Return every section of what is held about a person."""
    yield from accounts.services.own_data(user)
    user_id: UUID = user.pk
    yield from escrow.services.own_data(user_id)
    yield from compliance.services.own_data(user_id)
    yield from loyalty.services.own_data(user_id)
    yield from perfqueue.services.own_data(user_id)
    yield from menus.services.own_data(user_id)
    yield from slots.services.own_data(user_id)


@dataclass(frozen=True)
class Piece:
    """A piece of the document: with it `done` of all `sections` are written."""

    data: bytes
    done: int
    sections: int


def document(user: User) -> Iterator[Piece]:
    """Yield the document in pieces; memory does not grow with it. Rows written meanwhile may be in it or not.

    A document that was cut off is no JSON: `complete` is its last member.
    """
    head = {"format": FORMAT, "userId": user.pk, "madeAt": db_now()}
    data, found = bytearray(orjson.dumps(head)[:-1]), list(sections(user))
    for done, section in enumerate(found):
        data += b",\n" + orjson.dumps(section.name) + b":["
        for place, row in enumerate(section.rows):
            data += (b",\n" if place else b"\n") + orjson.dumps(row, default=_text)
            if len(data) >= CHUNK_BYTES:
                yield Piece(bytes(data), done, len(found))
                data.clear()
        data += b"]"
    yield Piece(bytes(data + b',\n"complete":true}\n'), len(found), len(found))


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)
