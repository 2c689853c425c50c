"""Keyset pages over time-ordered ids, newest first. A page costs the same at any depth."""

import base64
import binascii
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet, UUIDField

from core.errors import ValidationFailed

MAX_BIGINT = 2**63 - 1
M = TypeVar("M", bound=Model)


class Slice(NamedTuple, Generic[M]):
    """Rows of one page, and the cursor of the next."""

    items: Sequence[M]
    next: str | None


def encode(position: UUID) -> str:
    return base64.urlsafe_b64encode(position.bytes).rstrip(b"=").decode()


def decode(cursor: str) -> UUID:
    """Return the id that a cursor encodes. Raises ValidationFailed if it is malformed."""
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise ValidationFailed(cursor=["This cursor is not one of ours."]) from error


def keyset(queryset: QuerySet[M], *, cursor: str | None, limit: int, by: str = "id") -> Slice[M]:
    """Return up to `limit` rows older than `cursor` (one statement) and the next page's cursor.

    `by` is the column that orders them: an id, or a whole number that is unique among these rows.
    """
    if cursor:
        position = decode(cursor)
        is_uuid = isinstance(queryset.model._meta.get_field(by), UUIDField)
        queryset = queryset.filter(**{f"{by}__lt": position if is_uuid else position.int & MAX_BIGINT})
    found = list(queryset.order_by(f"-{by}")[: limit + 1])
    page = found[:limit]
    return Slice(page, encode(_position(getattr(page[-1], by))) if len(found) > limit else None)


def _position(key: UUID | int) -> UUID:
    return key if isinstance(key, UUID) else UUID(int=key)
