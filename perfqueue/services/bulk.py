"""Which items staff mean (filters, previews), and a refund of up to 50 of them in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

import escrow.services
from accounts.models import User
from core import db
from core.clock import CoreNow
from core.errors import NotFound
from escrow.errors import HoldClosed, SplitMismatch
from escrow.services import HoldStatus
from perfqueue.errors import InvalidTransition
from perfqueue.models import OPEN_STATES, QueueItem, Run, RunAction, RunItem, State
from perfqueue.services import transitions
from perfqueue.services.expiry import is_overdue
from perfqueue.services.queues import LockedQueue, lock_queues

MAX_BULK_ITEMS = 50
SOURCES = {
    RunAction.REFUND: OPEN_STATES,
    RunAction.RESOLVE: (State.ABANDONED,),
    RunAction.SPLIT: (State.STARTED, State.ABANDONED),
}


@dataclass(frozen=True)
class ItemFilter:
    """Items by what is known of them; None: any. `key`: the intake's; `min_age_s` since intake."""

    state: str | None = None
    performer_id: UUID | None = None
    user_id: UUID | None = None
    feature: str | None = None
    key: str | None = None
    min_age_s: int | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    overdue: bool | None = None


@dataclass(frozen=True)
class ItemResult:
    """What an action did, or would do, to one item: `code` None: done, with `tokens`; else why not."""

    item_id: UUID
    code: str | None
    tokens: int


def filtered_items(item_filter: ItemFilter) -> QuerySet[QueueItem]:
    """The items that match, to be ordered and paged."""
    lookups = {
        "state": item_filter.state,
        "performer_id": item_filter.performer_id,
        "user_id": item_filter.user_id,
        "source_feature": item_filter.feature,
        "idempotency_key": item_filter.key,
        "tokens__gte": item_filter.min_tokens,
        "tokens__lte": item_filter.max_tokens,
    }
    items = QueueItem.objects.filter(**{name: value for name, value in lookups.items() if value is not None})
    if item_filter.min_age_s is not None:
        items = items.filter(is_older_than(item_filter.min_age_s))
    if item_filter.overdue is None:
        return items
    return items.filter(is_overdue() if item_filter.overdue else ~is_overdue())


def is_older_than(seconds: int) -> Q:
    """Created that long ago, or longer."""
    return Q(created_at__lte=CoreNow() - timedelta(seconds=seconds))


def open_items(item_filter: ItemFilter, *, at_most: int) -> list[UUID]:
    """The ids of matching items that are not final, oldest first (one statement)."""
    found = filtered_items(item_filter).filter(state__in=OPEN_STATES)
    return list(found.order_by("id").values_list("id", flat=True)[:at_most])


def preview(*, item_ids: Sequence[UUID], action: RunAction, settle: int | None = None) -> list[ItemResult]:
    """What an action would do to each item, in the order given, without lock or write (one statement)."""
    found = QueueItem.objects.filter(id__in=item_ids).values_list("id", "state", "tokens", "hold__status")
    known = {
        item_id: ItemResult(item_id, refusal_code(action, state=state, tokens=tokens, hold=hold, settle=settle), tokens)
        for item_id, state, tokens, hold in found
    }
    return [known.get(item_id, ItemResult(item_id, NotFound.code, 0)) for item_id in dict.fromkeys(item_ids)]


def refusal_code(action: RunAction, *, state: str, tokens: int, hold: str, settle: int | None = None) -> str | None:
    """The code by which an action is refused for an item as it is; None if it is not."""
    if state not in SOURCES[action]:
        return InvalidTransition.code
    if hold != HoldStatus.HELD:
        return HoldClosed.code
    return SplitMismatch.code if settle is not None and settle > tokens else None


def refund_many(*, item_ids: Sequence[UUID], actor: User, reason: str, filters: object = None) -> list[ItemResult]:
    """Refund the whole holds of open items; return one result per id, in the order given, and store them as a run.

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
            for queue in queues.values():
                queue.set_now(now)
            for item in items.values():
                hold = holds[item.hold_id].status
                codes[item.id] = refusal_code(RunAction.REFUND, state=item.state, tokens=item.tokens, hold=hold)
            refunded = [items[each] for each in ids if codes[each] is None]
            for item in refunded:
                item.refund(now=now, reason=reason)
            if refunded:
                transitions.apply(refunded, queues=queues.values(), actor=actor)
        results = [ItemResult(each, codes[each], items[each].tokens if each in items else 0) for each in ids]
        _store_run(results, actor=actor, reason=reason, filters=filters)
    return results


def _locked(ids: Sequence[UUID]) -> tuple[dict[UUID, LockedQueue], dict[UUID, QueueItem]]:
    found = QueueItem.objects.filter(id__in=ids, turn__isnull=False).values_list("performer_id", flat=True)
    rows = lock_queues(sorted({performer_id for performer_id in found if performer_id}))
    items = QueueItem.objects.select_for_update(no_key=True).filter(id__in=ids).order_by("id")
    return {performer_id: LockedQueue(row) for performer_id, row in rows.items()}, {item.id: item for item in items}


def _store_run(results: Sequence[ItemResult], *, actor: User, reason: str, filters: object) -> None:
    """Store a run that has ended, with a row per item, the refused ones too."""
    now = CoreNow()
    run = Run.objects.create(
        action=RunAction.REFUND, reason=reason, actor=actor, filters=filters, total=len(results), ended_at=now
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
            for each in results
        ]
    )
