"""What a feature submits to the queue, and what it gets back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import live.services
from perfqueue.models import Fulfilment
from perfqueue.services.facts import ItemFacts


@dataclass(frozen=True)
class Intake:
    """One paid request. The hold is open, unused and the payer's; its amount is `tokens` of `currency`.

    A performed item waits in the performer's queue; an instant one is finished and settled at once and may carry an
    `award` in points, if the feature is one of ours that may, or the caller has checked that this one may
    (`may_award`). `announce`: the feature's own events, stored with the item's. `metadata` holds ids only.
    """

    idempotency_key: str
    source_feature: str
    source_event_id: str
    performer_id: UUID | None
    user_id: UUID
    hold_id: UUID
    tokens: int
    currency: str
    title: str
    description: str = ""
    duration_s: int | None = None
    fulfilment: str = Fulfilment.PERFORMED
    award: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    may_award: bool = False
    announce: tuple[live.services.Event, ...] = ()


@dataclass(frozen=True)
class IntakeResult:
    """The item of an intake.

    `position`: 1 is the head; None for an instant item. `available`: the payer's balance in the hold's
    currency after settlement and award of an instant item, None for a performed one.
    """

    item: ItemFacts
    position: int | None
    available: int | None
