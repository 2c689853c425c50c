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
from perfqueue.models import OPEN_STATES, Deed, QueueItem, State
from perfqueue.services.due import late

SOURCES = {Deed.REFUND: OPEN_STATES, Deed.RESOLVE: (State.ABANDONED,), Deed.SPLIT: (State.STARTED, State.ABANDONED)}


@dataclass(frozen=True)
class Choice:
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
class Outcome:
    """What a deed did, or in a dry run would do, to one item. `code` None: done; it concerns `tokens`."""

    item_id: UUID
    code: str | None
    tokens: int


def chosen(choice: Choice) -> QuerySet[QueueItem]:
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


def open_items(choice: Choice, *, at_most: int) -> list[UUID]:
    """The ids of those meant that are not final, oldest first (one statement)."""
    return list(chosen(choice).filter(state__in=OPEN_STATES).order_by("id").values_list("id", flat=True)[:at_most])


def foresee(*, item_ids: Sequence[UUID], deed: Deed, settle: int | None = None) -> list[Outcome]:
    """What a deed would do to each item, in the order given, without lock or write (one statement)."""
    found = QueueItem.objects.filter(id__in=item_ids).values_list("id", "state", "tokens", "hold__status")
    known = {
        item_id: Outcome(item_id, why_not(deed, state=state, tokens=tokens, hold=hold, settle=settle), tokens)
        for item_id, state, tokens, hold in found
    }
    return [known.get(item_id, Outcome(item_id, NotFound.code, 0)) for item_id in dict.fromkeys(item_ids)]


def why_not(deed: Deed, *, state: str, tokens: int, hold: str, settle: int | None = None) -> str | None:
    """The code of what keeps a deed from an item as it is; None if nothing does."""
    if state not in SOURCES[deed]:
        return InvalidTransition.code
    if hold != HoldStatus.HELD:
        return HoldClosed.code
    return SplitMismatch.code if settle is not None and settle > tokens else None
