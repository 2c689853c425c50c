"""What the line tells. Positions are computed, never stored; who may see what is decided here."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

import escrow.services
from accounts.models import Role, User
from core import db
from core.errors import NotFound
from escrow.services import TrailEntry
from perfqueue.models import Fulfilment, PerformerQueue, QueueItem, State
from perfqueue.services.queues import started_item, waiting

SAMPLES_NEEDED = 5


@dataclass(frozen=True)
class Wait:
    """When a place usually starts, in seconds from now."""

    low_s: int
    high_s: int


@dataclass(frozen=True)
class ItemView:
    """An item as one viewer may see it: `full` for the buyer, the item's performer, staff and the owning service."""

    item: QueueItem
    position: int | None
    wait: Wait | None
    trail: Sequence[TrailEntry]
    mine: bool
    full: bool


@dataclass(frozen=True)
class QueueView:
    """A performer's line as one viewer may see it; `items` are those that wait, head first."""

    queue: PerformerQueue
    started: ItemView | None
    items: Sequence[ItemView]
    wait: Wait | None


PACE = """
SELECT count(*) AS samples,
       percentile_cont(0.25) WITHIN GROUP (ORDER BY s.took) AS low,
       percentile_cont(0.75) WITHIN GROUP (ORDER BY s.took) AS high
  FROM (SELECT extract(epoch FROM f.ended_at - f.started_at) AS took FROM perfqueue_queueitem f
         WHERE f.performer_id = {performer} AND f.state = 'finished' AND f.fulfilment = 'performed'
         ORDER BY f.ended_at DESC LIMIT 20) s"""

PLACES = f"""
SELECT i.id,
       CASE WHEN i.state = 'created' THEN (
           SELECT count(*) FROM perfqueue_queueitem a
            WHERE a.performer_id = i.performer_id AND a.state = 'created' AND a.turn <= i.turn) END AS position,
       EXISTS (SELECT 1 FROM perfqueue_queueitem s
                WHERE s.performer_id = i.performer_id AND s.state = 'started' AND s.turn IS NOT NULL) AS staged,
       p.samples, p.low, p.high
  FROM perfqueue_queueitem i
  LEFT JOIN LATERAL ({PACE.format(performer="i.performer_id")}) p ON i.state = 'created'
 WHERE i.id = ANY (%s::uuid[])
"""  # noqa: S608  both parts stand above


def item_views(items: Sequence[QueueItem], *, viewer: User | None) -> list[ItemView]:
    """Items with place, wait and trail, in the order given (two statements, however many items)."""
    places = {row["id"]: row for row in db.rows(PLACES, [[item.id for item in items]])} if items else {}
    seen = [item for item in items if may_see_all(viewer, item)]
    trails = escrow.services.trail([item.hold_id for item in seen]) if seen else {}
    return [
        ItemView(
            item=item,
            position=places[item.id]["position"],
            wait=_wait(places[item.id], (places[item.id]["position"] or 1) - 1 + places[item.id]["staged"])
            if item.state == State.CREATED
            else None,
            trail=trails.get(item.hold_id, ()),
            mine=viewer is not None and item.user_id == viewer.pk,
            full=may_see_all(viewer, item),
        )
        for item in items
    ]


def item_view(item: QueueItem, *, viewer: User | None) -> ItemView:
    """One item with place, wait and trail (two statements)."""
    return item_views([item], viewer=viewer)[0]


def may_see_all(viewer: User | None, item: QueueItem) -> bool:
    if viewer is None or not viewer.is_authenticated:
        return False
    if viewer.role == Role.SERVICE:
        account = getattr(viewer, "service_account", None)  # one statement; the instance remembers it
        return account is not None and item.source_feature in account.features
    return viewer.pk in (item.user_id, item.performer_id) or viewer.is_backoffice


def queue_view(performer_id: UUID, *, viewer: User | None) -> QueueView:
    """A performer's whole line (four statements).

    Raises:
        NotFound: nobody's line.
    """
    queue = PerformerQueue.objects.select_related("performer__performer_profile").filter(pk=performer_id).first()
    if queue is None:
        raise NotFound
    line = list(waiting(performer_id))
    stage = started_item(performer_id)
    pace = db.rows(PACE.format(performer="%s"), [performer_id])[0]
    return QueueView(
        queue=queue,
        started=_in_line(stage, None, None, viewer) if stage else None,
        items=[
            _in_line(item, place, _wait(pace, place - 1 + (stage is not None)), viewer)
            for place, item in enumerate(line, start=1)
        ],
        wait=_wait(pace, len(line) + (stage is not None)),
    )


def item_for(item_id: UUID) -> QueueItem:
    """One item, unlocked (one statement).

    Raises:
        NotFound.
    """
    found = QueueItem.objects.filter(pk=item_id).first()
    if found is None:
        raise NotFound
    return found


def items_of(user: User) -> QuerySet[QueueItem]:
    """What a person bought or, for a performer, what was asked of her; to be paged."""
    if user.role == Role.PERFORMER:
        return QueueItem.objects.filter(performer_id=user.pk, fulfilment=Fulfilment.PERFORMED)
    return QueueItem.objects.filter(user_id=user.pk)


def all_items() -> QuerySet[QueueItem]:
    """Every item, for staff; to be filtered and paged."""
    return QueueItem.objects.all()


def performers() -> QuerySet[User]:
    """People who perform, with profile, presence and whether their line is open (one statement a page)."""
    queue = PerformerQueue.objects.filter(performer_id=OuterRef("pk"))
    return (
        User.objects.filter(role=Role.PERFORMER, is_active=True)
        .select_related("performer_profile")
        .annotate(queue_open=Exists(queue.filter(is_open=True)), presence=queue.values("presence")[:1])
    )


def last_performances(performer_id: UUID, limit: int = 5) -> list[QueueItem]:
    """What ended most recently in a line, newest first (one statement)."""
    ended = Q(state__in=(State.FINISHED, State.REFUNDED, State.ABANDONED))
    found = QueueItem.objects.filter(ended, performer_id=performer_id, fulfilment=Fulfilment.PERFORMED)
    return list(found.order_by("-id")[:limit])


def _in_line(item: QueueItem, position: int | None, wait: Wait | None, viewer: User | None) -> ItemView:
    mine = viewer is not None and item.user_id == viewer.pk
    return ItemView(item, position, wait, (), mine, may_see_all(viewer, item))


def _wait(pace: dict[str, float | int | None], ahead: int) -> Wait | None:
    if (pace["samples"] or 0) < SAMPLES_NEEDED:
        return None
    return Wait(round((pace["low"] or 0) * ahead), round((pace["high"] or 0) * ahead))
