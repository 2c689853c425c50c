"""Which items staff mean: one description for lists, for bulk refunds by filter, and for what a dry run foresees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from core.clock import CoreNow
from core.errors import NotFound
from escrow.errors import HoldClosed, SplitMismatch
from escrow.services import HoldStatus
from perfqueue.errors import InvalidTransition
from perfqueue.models import OPEN_STATES, QueueItem, RunAction, State
from perfqueue.services.due import late

SOURCES = {
    RunAction.REFUND: OPEN_STATES,
    RunAction.RESOLVE: (State.ABANDONED,),
    RunAction.SPLIT: (State.STARTED, State.ABANDONED),
}


@dataclass(frozen=True)
class ItemFilter:
    """Items by what is known of them; what is None is not asked. `key`: the intake's; `min_age_s` since intake."""

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
    """What a action did, or in a dry run would do, to one item. `code` None: done; it concerns `tokens`."""

    item_id: UUID
    code: str | None
    tokens: int


def filtered_items(choice: ItemFilter) -> QuerySet[QueueItem]:
    """The items meant, to be ordered and paged."""
    asked = {
        "state": choice.state,
        "performer_id": choice.performer_id,
        "user_id": choice.user_id,
        "source_feature": choice.feature,
        "idempotency_key": choice.key,
        "tokens__gte": choice.min_tokens,
        "tokens__lte": choice.max_tokens,
    }
    items = QueueItem.objects.filter(**{name: value for name, value in asked.items() if value is not None})
    if choice.min_age_s is not None:
        items = items.filter(is_older_than(choice.min_age_s))
    return items if choice.overdue is None else items.filter(is_overdue() if choice.overdue else ~is_overdue())


def is_older_than(seconds: int) -> Q:
    """Taken in that long ago, or longer."""
    return Q(created_at__lte=CoreNow() - timedelta(seconds=seconds))


def is_overdue() -> Q:
    """A deadline has passed and nobody has carried it out yet."""
    return Q(late(), turn__isnull=False, state__in=OPEN_STATES)


def open_items(choice: ItemFilter, *, at_most: int) -> list[UUID]:
    """The ids of those meant that are not final, oldest first (one statement)."""
    return list(
        filtered_items(choice).filter(state__in=OPEN_STATES).order_by("id").values_list("id", flat=True)[:at_most]
    )


def preview(*, item_ids: Sequence[UUID], action: RunAction, settle: int | None = None) -> list[ItemResult]:
    """What a action would do to each item, in the order given, without lock or write (one statement)."""
    found = QueueItem.objects.filter(id__in=item_ids).values_list("id", "state", "tokens", "hold__status")
    known = {
        item_id: ItemResult(item_id, why_not(action, state=state, tokens=tokens, hold=hold, settle=settle), tokens)
        for item_id, state, tokens, hold in found
    }
    return [known.get(item_id, ItemResult(item_id, NotFound.code, 0)) for item_id in dict.fromkeys(item_ids)]


def why_not(action: RunAction, *, state: str, tokens: int, hold: str, settle: int | None = None) -> str | None:
    """The code of what keeps a action from an item as it is; None if nothing does."""
    if state not in SOURCES[action]:
        return InvalidTransition.code
    if hold != HoldStatus.HELD:
        return HoldClosed.code
    return SplitMismatch.code if settle is not None and settle > tokens else None
