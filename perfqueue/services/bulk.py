"""Staff give several holds back in one command: one result per item, refusals do not stop the others."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import escrow.services
from accounts.models import User
from core import db
from core.clock import CoreNow
from core.errors import NotFound
from perfqueue.models import QueueItem, Run, RunAction, RunItem, State
from perfqueue.services.choosing import ItemResult, why_not
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.queues import LockedQueue, lock_queues

MAX_BULK_ITEMS = 50


def refund_many(*, item_ids: Sequence[UUID], actor: User, reason: str, filters: object = None) -> list[ItemResult]:
    """Give the whole holds of open items back; report one result per id, in the order given, and keep it as a run.

    Locks the queues, the items, then the holds, each class in id order; one call of escrow.
    """
    ids = list(dict.fromkeys(item_ids))
    if not ids:
        return []
    with db.joined():
        queues, items = _locked(ids)
        codes: dict[UUID, str | None] = dict.fromkeys(ids, NotFound.code)
        if items:
            holds, now = escrow.services.lock_holds([item.hold_id for item in items.values()], lift_expiry=False)
            codes |= {
                item.id: why_not(
                    RunAction.REFUND, state=item.state, tokens=item.tokens, hold=holds[item.hold_id].status
                )
                for item in items.values()
            }
            for queue in queues.values():
                queue.set_now(now)
            _give_back([items[each] for each in ids if codes[each] is None], now, queues, actor, reason)
        told = [ItemResult(each, codes[each], items[each].tokens if each in items else 0) for each in ids]
        _keep(told, actor=actor, reason=reason, filters=filters)
    return told


def _keep(told: Sequence[ItemResult], *, actor: User, reason: str, filters: object) -> None:
    """Write the run down as one that has ended: a row per item, the refused ones too."""
    now = CoreNow()
    run = Run.objects.create(
        action=RunAction.REFUND, reason=reason, actor=actor, filters=filters, total=len(told), ended_at=now
    )
    RunItem.objects.bulk_create(
        [
            RunItem(
                run=run,
                item_id=each.item_id,
                code=each.code or "",
                refunded=0 if each.code else each.tokens,
                done_at=now,
            )
            for each in told
        ]
    )


def _locked(ids: Sequence[UUID]) -> tuple[dict[UUID, LockedQueue], dict[UUID, QueueItem]]:
    performers = QueueItem.objects.filter(id__in=ids, turn__isnull=False).values_list("performer_id", flat=True)
    queues = {
        performer_id: LockedQueue(row)
        for performer_id, row in lock_queues(sorted({p for p in performers if p})).items()
    }
    items = QueueItem.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id")
    return queues, {item.id: item for item in items}


def _give_back(
    items: Sequence[QueueItem], now: datetime, queues: dict[UUID, LockedQueue], actor: User, reason: str
) -> None:
    if not items:
        return
    steps = []
    for item in items:
        steps.append(step(item, item.state, State.REFUNDED, now=now, actor=actor, reason=reason))
        item.refund(now=now, reason=reason)
    save(items)
    close_holds(items, actor=actor)
    notices = [notice for queue in queues.values() for notice in queue.arm_head()]
    record(steps, items, more=notices)
