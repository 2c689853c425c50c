"""The queue's half of money: ending items and their holds together."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import escrow.services
import live.services
from accounts.models import User
from core.context import request_id
from escrow.services import Close
from perfqueue.models import Cause, QueueItem, Transition

MUTABLE = [
    "state",
    "started_at",
    "ended_at",
    "rope_drop_at",
    "rope_drop_left_ms",
    "deadline_at",
    "resolve_by",
    "settle_tokens",
    "refund_tokens",
    "reason",
]


def save(items: Sequence[QueueItem]) -> None:
    """Write the items' new states and amounts (one statement). They are locked and the FSM has agreed."""
    QueueItem.objects.bulk_update(items, MUTABLE)


def close_holds(items: Sequence[QueueItem], *, actor: User | None) -> dict[UUID, int]:
    """Close the holds of final items as their amounts say (one call of escrow). The items are saved already.

    Returns each item's payer's available balance after it.

    Raises:
        The ledger's refusal (such as WalletFrozen): the caller's transaction must roll back.
    """
    closes = [
        Close(
            key=str(item.id),
            hold_id=item.hold_id,
            settle=item.settle_tokens or 0,
            refund=item.refund_tokens or 0,
            fee_bps=item.fee_bps,
            actor_id=actor.pk if actor else None,
            reason=item.reason,
        )
        for item in items
    ]
    available = {}
    for item, closed in zip(items, escrow.services.close_many(closes), strict=True):
        if closed.code is not None:
            raise escrow.services.refusal(closed.code)
        available[item.id] = closed.available
    return available


def step(
    item: QueueItem, source: str, target: str, *, now: datetime, actor: User | None, reason: str = ""
) -> Transition:
    """The transition row of one step (not yet stored)."""
    return Transition(
        item_id=item.id,
        from_state=source,
        to_state=target,
        actor=actor.pk if actor else None,
        reason=reason,
        request_id=request_id(),
        at=now,
    )


def record(
    steps: Sequence[Transition], items: Sequence[QueueItem], *, more: Sequence[live.services.Event] = ()
) -> None:
    """Store transition rows and tell room and buyer of each (two statements)."""
    Transition.objects.bulk_create(steps)
    live.services.emit([*events_of(steps, items), *more])


def events_of(steps: Sequence[Transition], items: Sequence[QueueItem]) -> list[live.services.Event]:
    """One event per transition: to the buyer and, unless the item is instant, to the room."""
    by_id = {item.id: item for item in items}
    return [event_of(f"queue.item.{each.to_state}", by_id[each.item_id], reason=each.reason) for each in steps]


def event_of(key: str, item: QueueItem, *, to_room: bool = True, reason: str = "") -> live.services.Event:
    performed = item.turn is not None
    return live.services.Event(
        key=key,
        variables={
            "itemId": str(item.id),
            "performerId": str(item.performer_id) if item.performer_id else None,
            "title": item.title,
            "state": item.state,
            **({"reason": reason} if reason in Cause.values else {}),
        },
        room_id=item.performer_id if performed and to_room else None,
        recipient_id=item.user_id,
    )


def in_ms(span: timedelta) -> int:
    return max(0, round(span.total_seconds() * 1000))
