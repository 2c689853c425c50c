"""Rows as frozen values, made once: what other apps, pages and answers may read of an item and of a queue."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from django.db.models import Model


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by the names of a row's columns and properties."""

    @classmethod
    def of(cls, row: Model) -> Self:
        return cls(*(getattr(row, name) for name in cls.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class ItemFacts(Facts):
    """An item as it was read, or as a command has left it."""

    id: UUID
    performer_id: UUID | None
    user_id: UUID
    hold_id: UUID
    tokens: int
    currency: str
    title: str
    duration_s: int | None
    planned_s: int
    fulfilment: str
    source_feature: str
    state: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    rope_drop_at: datetime | None
    rope_drop_left_ms: int | None
    max_wait_at: datetime | None
    deadline_at: datetime | None
    resolve_by: datetime | None
    settle_tokens: int | None
    refund_tokens: int | None
    cause: str
    shown_reason: str


@dataclass(frozen=True, slots=True)
class QueueFacts(Facts):
    """A queue as it was read: what buyers may see of it."""

    is_open: bool
    is_paused: bool
    depth: int
    rope_drop_s: int
    max_wait_s: int
