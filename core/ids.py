"""Identifiers: UUIDv7, made in Python, ordered by creation to the millisecond."""

from datetime import datetime
from uuid import UUID

import uuid_utils

NIL = UUID(int=0)


def new_id() -> UUID:
    """Return a fresh UUIDv7 as the standard library's type."""
    return UUID(int=uuid_utils.uuid7().int)


def first_id_at(at: datetime) -> UUID:
    """Return the smallest UUIDv7 of the millisecond `at`, by which rows are found by the real time they were made."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
