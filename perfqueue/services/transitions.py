"""The one way through each edge of the life cycle: what the FSM did in memory is stored, paid and announced here."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import escrow.services
import live.services
from accounts.models import User
from core.context import request_id
from escrow.services import Close
from perfqueue.models import QueueItem, Transition
from perfqueue.services import events, storage
from perfqueue.services.queues import LockedQueue, arm_heads


def apply(items: Sequence[QueueItem], *, queues: Iterable[LockedQueue], actor: User | None) -> None:
    """Store the steps that locked items have taken: items, holds of final ones, transitions, events.

    Arms the heads of `queues`, which the caller has locked. The number of statements depends neither on the number of
    items nor of queues; escrow is called once.

    Raises:
        The ledger's refusal (such as WalletFrozen): the caller's transaction must roll back.
    """
    armed, notices = arm_heads(list(queues), moved=items)
    storage.change([*items, *armed], rows_of(items, actor=actor))
    final = [item for item in items if item.is_final]
    if final:
        close_holds(final, actor=actor)
    live.services.emit([*events.of_steps(items), *notices])
    for item in items:
        item.steps.clear()  # an item that takes another step later stores that one only


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
    """The transition rows of the steps taken in memory (not yet stored), by the current request."""
    return steps_of(items, actor_id=actor.pk if actor else None, request=request_id())


def steps_of(items: Iterable[QueueItem], *, actor_id: UUID | None, request: str) -> list[Transition]:
    """The same for a command of `request`."""
    return [
        Transition(
            item_id=item.id,
            from_state=step.source,
            to_state=step.target,
            actor=actor_id,
            cause=step.cause,
            reason=step.reason,
            request_id=request,
            at=step.at,
        )
        for item in items
        for step in item.steps
    ]
