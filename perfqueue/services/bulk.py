"""Staff give several holds back in one command: one result per item, refusals do not stop the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import escrow.services
from accounts.models import User
from core import db
from core.errors import NotFound
from escrow.errors import HoldClosed
from escrow.services import HoldStatus
from perfqueue.errors import InvalidTransition
from perfqueue.models import QueueItem, State
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.line import Line, lock_queues

MOST = 50


@dataclass(frozen=True)
class Refunded:
    """One element of a bulk refund. `code` None: given back (or, in a dry run, would be)."""

    item_id: UUID
    code: str | None
    tokens: int


def refund_many(*, item_ids: Sequence[UUID], actor: User, reason: str, dry_run: bool = False) -> list[Refunded]:
    """Give the whole holds of open items back; report one result per id, in the order given.

    Locks the lines, the items, then the holds, each class in id order; one call of escrow. A dry run writes nothing.
    """
    ids = list(dict.fromkeys(item_ids))
    with db.joined():
        lines, items = _locked(ids)
        if not items:
            return [Refunded(item_id, NotFound.code, 0) for item_id in ids]
        holds, now = escrow.services.lock_holds([item.hold_id for item in items.values()], lift_expiry=False)
        codes = {item_id: _refusal(items.get(item_id), holds) for item_id in ids}
        willing = [items[item_id] for item_id in ids if codes[item_id] is None]
        if willing and not dry_run:
            for line in lines.values():
                line.see(now)
            _give_back(willing, now, lines, actor, reason)
    return [Refunded(item_id, codes[item_id], items[item_id].tokens if item_id in items else 0) for item_id in ids]


def _locked(ids: Sequence[UUID]) -> tuple[dict[UUID, Line], dict[UUID, QueueItem]]:
    performers = QueueItem.objects.filter(id__in=ids, turn__isnull=False).values_list("performer_id", flat=True)
    lines = {
        performer_id: Line(queue) for performer_id, queue in lock_queues(sorted({p for p in performers if p})).items()
    }
    items = QueueItem.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id")
    return lines, {item.id: item for item in items}


def _refusal(item: QueueItem | None, holds: dict[UUID, escrow.services.Hold]) -> str | None:
    if item is None:
        return NotFound.code
    if item.is_final:
        return InvalidTransition.code
    return None if holds[item.hold_id].status == HoldStatus.HELD else HoldClosed.code


def _give_back(items: Sequence[QueueItem], now: datetime, lines: dict[UUID, Line], actor: User, reason: str) -> None:
    steps = []
    for item in items:
        steps.append(step(item, item.state, State.REFUNDED, now=now, actor=actor, reason=reason))
        item.give_back(now=now, reason=reason)
    save(items)
    close_holds(items, actor=actor)
    notices = [notice for line in lines.values() for notice in line.advance()]
    record(steps, items, more=notices)
