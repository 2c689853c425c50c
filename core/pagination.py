"""Keyset pages over time-ordered ids, newest first. A page costs the same at any depth."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from core.errors import ValidationFailed


M = TypeVar("M", bound=Model)


def encode(position: UUID) -> str:
    return base64.urlsafe_b64encode(position.bytes).rstrip(b"=").decode()


def decode(cursor: str) -> UUID:
    """Return the id a cursor stands for.

    Raises:
        ValidationFailed: it is none of ours.
    """
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error) as error:
        raise ValidationFailed(cursor=["This cursor is not one of ours."]) from error


def keyset(queryset: QuerySet[M], *, cursor: str | None, limit: int) -> tuple[Sequence[M], str | None]:
    """Return up to `limit` rows older than `cursor` (one statement) and the next page's cursor."""
    if cursor:
        queryset = queryset.filter(id__lt=decode(cursor))
    found = list(queryset.order_by("-id")[: limit + 1])
    page = found[:limit]
    return page, encode(page[-1].pk) if len(found) > limit else None
