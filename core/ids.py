"""Identifiers: UUIDv7, made in Python, ordered by creation to the millisecond."""

from datetime import datetime
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

NIL = UUID(int=0)


def new_id() -> UUID:
    """Return a fresh UUIDv7 as the standard library's type."""
    return uuid7()


def new_id_text() -> str:
    """Return a fresh UUIDv7 as a text."""
    return str(uuid_utils.uuid7())


def new_id_texts(count: int) -> list[str]:
    """Return fresh ids as texts, for rows that nothing else names: a fifth of the time."""
    return [uuid_utils.uuid7().hex for _ in range(count)]


def first_id_at(at: datetime) -> UUID:
    """Return the smallest UUIDv7 of the millisecond `at`, by which rows are found by the real time they were made."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
