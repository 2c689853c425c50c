"""The one way through each edge of the life cycle: what the FSM did in memory is stored, paid and announced here."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import escrow.services
import live.services
from accounts.models import User
from core.context import request_id
from escrow.services import Close
from perfqueue.models import QueueItem, Transition
from perfqueue.services import events
from perfqueue.services.queues import LockedQueue

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
    "cause",
    "reason",
]


def apply(items: Sequence[QueueItem], *, queues: Iterable[LockedQueue], actor: User | None) -> None:
    """Store the steps that locked items have taken: items, holds of final ones, transitions, events.

    Arms the heads of `queues`, which the caller has locked. The number of statements depends on the number of queues,
    not of items; escrow is called once.

    Raises:
        The ledger's refusal (such as WalletFrozen): the caller's transaction must roll back.
    """
    save(items)
    final = [item for item in items if item.is_final]
    if final:
        close_holds(final, actor=actor)
    notices = [notice for queue in queues for notice in queue.arm_head()]
    Transition.objects.bulk_create(rows_of(items, actor=actor))
    live.services.emit([*events.of_steps(items), *notices])
    for item in items:
        item.steps.clear()  # an item that takes another step later stores that one only


def save(items: Sequence[QueueItem]) -> None:
    """Write the items' states, times, amounts and reasons (one statement)."""
    QueueItem.objects.bulk_update(items, MUTABLE)


def close_holds(items: Sequence[QueueItem], *, actor: User | None) -> dict[UUID, int]:
    """Close the holds of final items by their amounts (one call of escrow). The items are stored already.

    Returns each item's payer's available balance after it.

    Raises:
        The ledger's refusal: the caller's transaction must roll back.
    """
    closes = [
        Close(
            key=str(item.id),
            hold_id=item.hold_id,
            settle=item.settle_tokens or 0,
            refund=item.refund_tokens or 0,
            fee_bps=item.fee_bps,
            actor_id=actor.pk if actor else None,
            reason=item.shown_reason,
        )
        for item in items
    ]
    available = {}
    for item, closed in zip(items, escrow.services.close_many(closes), strict=True):
        if closed.code is not None:
            raise escrow.services.refusal(closed.code)
        available[item.id] = closed.available
    return available


def rows_of(items: Iterable[QueueItem], *, actor: User | None) -> list[Transition]:
    """The transition rows of the steps taken in memory (not yet stored)."""
    return [
        Transition(
            item_id=item.id,
            from_state=step.source,
            to_state=step.target,
            actor=actor.pk if actor else None,
            cause=step.cause,
            reason=step.reason,
            request_id=request_id(),
            at=step.at,
        )
        for item in items
        for step in item.steps
    ]
