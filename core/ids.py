"""Identifiers: UUIDv7, made in Python, ordered by creation to the millisecond."""

from uuid import UUID

import uuid_utils

NIL = UUID(int=0)


def new_id() -> UUID:
    """Return a fresh UUIDv7 as the standard library's type."""
    return UUID(int=uuid_utils.uuid7().int)
