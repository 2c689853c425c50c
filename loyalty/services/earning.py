"""Earning: paid orders and settled tips give points over there, once each; an order's points go with its tokens.

Pulled from the ledger in rounds: nothing below loyalty knows of it, and no purchase waits for it. A round is one
transaction under the lock of its mark; what it queues has keys of its own, so that nothing is queued twice. Whoever is
linked when a round reads an order earns for it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings

import escrow.services
from core.batches import run_statement
from core.clock import CoreNow
from core.db import command
from core.fields import MAX_AMOUNT
from core.marks import MARGIN, readable_before
from escrow.services import PaidOrder, ReversedOrder, Settlement
from loyalty.client import Deduct, DeductReason, Earn, EarnReason
from loyalty.models import EarningMark, OperationKind, RemoteOperation
from loyalty.services.gates import linked_of
from loyalty.services.operations import NewOperation, queue_new

ROWS = 500
ROUNDS = 100
TIPPED = "menus"
"""The feature whose settlements are tips."""
Read = Callable[..., Sequence[Any]]
Make = Callable[[Sequence[Any]], list[NewOperation]]


def pull() -> int:
    """Queue what was earned, and what is taken back, since the last round; return how many operations. Off: none.

    Orders before reversals: a reversal finds what its order has earned. The first round begins at its own time.
    """
    if not settings.LOYALTY_EARN_POINTS_PER_TOKEN:
        return 0
    before = readable_before(MARGIN)
    tips = partial(escrow.services.settlements, feature=TIPPED)
    return (
        _pulled("orders", escrow.services.paid_orders, _of_orders, before)
        + _pulled("reversals", escrow.services.reversed_orders, _of_reversals, before)
        + _pulled("tips", tips, _of_tips, before)
    )


def _pulled(name: str, read: Read, make: Make, before: UUID) -> int:
    EarningMark.objects.get_or_create(name=name, defaults={"upto_id": str(before), "upto_at": CoreNow()})
    queued = 0
    for _ in range(ROUNDS):
        number = command(lambda: _round(name, read, make, before))
        if number is None:
            break
        queued += number
    return queued


def _round(name: str, read: Read, make: Make, before: UUID) -> int | None:
    """Queue what the next rows bring; None: nothing is left, or another round is at it. Locks the mark."""
    mark = EarningMark.objects.select_for_update(skip_locked=True, no_key=True).filter(name=name).first()
    if mark is None or UUID(mark.upto_id) >= before:
        return None
    found = read(after=UUID(mark.upto_id), before=before, limit=ROWS)
    made = make(found)
    if made:
        run_statement(queue_new(made))
    upto = found[-1].id if len(found) == ROWS else before
    EarningMark.objects.filter(name=name).update(upto_id=str(upto), upto_at=CoreNow())
    return len(made)


def _of_orders(orders: Sequence[PaidOrder]) -> list[NewOperation]:
    linked = _linked([each.user_id for each in orders])
    paid = [each for each in orders if each.user_id in linked]
    return [_earned(each, f"order-{each.id}-earn", EarnReason.PURCHASE, "orderId") for each in paid]


def _of_tips(tips: Sequence[Settlement]) -> list[NewOperation]:
    linked = _linked([each.user_id for each in tips])
    paid = [each for each in tips if each.user_id in linked]
    return [_earned(each, f"tip-{each.id}-earn", EarnReason.TIP, "operationId") for each in paid]


def _earned(source: PaidOrder | Settlement, key: str, reason: EarnReason, named: str) -> NewOperation:
    change = Earn(
        user_id=source.user_id,
        amount=min(source.tokens * settings.LOYALTY_EARN_POINTS_PER_TOKEN, MAX_AMOUNT),
        transaction_id=key,
        reason=reason,
        metadata={named: str(source.id), "tokens": source.tokens},
    )
    return NewOperation(kind=OperationKind.EARN, change=change, source=str(source.id), request_id="")


def _of_reversals(reversals: Sequence[ReversedOrder]) -> list[NewOperation]:
    """What the orders have earned is taken back; an order that earned nothing has nothing to give."""
    keys = [f"order-{each.order_id}-earn" for each in reversals]
    earned = RemoteOperation.objects.filter(key__in=keys).values_list("source", "user_id", "amount")
    return [
        NewOperation(
            kind=OperationKind.EARN_REVERSAL,
            change=Deduct(
                user_id=user_id,
                amount=amount,
                transaction_id=f"order-{source}-reversal",
                reason=DeductReason.EARN_REVERSAL,
            ),
            source=source,
            request_id="",
        )
        for source, user_id, amount in earned
    ]


def _linked(user_ids: Sequence[UUID]) -> set[UUID]:
    return {row[0] for row in run_statement(linked_of(user_ids))} if user_ids else set()
