"""Reads of items and queues. Positions are computed, never stored; who may see what is decided here."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

import escrow.services
from accounts.models import Role, User
from core import db
from escrow.services import TrailEntry
from perfqueue.models import Fulfilment, PerformerQueue, QueueItem, State
from perfqueue.services.expiry import OPEN, OVERDUE
from perfqueue.services.facts import ItemFacts, QueueFacts
from perfqueue.services.queues import started_item, waiting

SAMPLES_NEEDED = 5


@dataclass(frozen=True)
class Wait:
    """When a position usually starts, in seconds from now."""

    low_s: int
    high_s: int


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as one viewer may see it: `full` for the buyer, the item's performer, staff and the owning service."""

    item: ItemFacts
    position: int | None
    wait: Wait | None
    trail: Sequence[TrailEntry]
    mine: bool
    full: bool


@dataclass(frozen=True, slots=True)
class QueueView:
    """A performer's queue as one viewer may see it; `items` are the created ones, head first."""

    queue: QueueFacts
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

POSITIONS = f"""
SELECT i.id,
       CASE WHEN i.state = 'created' THEN (
           SELECT count(*) FROM perfqueue_queueitem a
            WHERE a.performer_id = i.performer_id AND a.state = 'created' AND a.turn <= i.turn) END AS position,
       EXISTS (SELECT 1 FROM perfqueue_queueitem s
                WHERE s.performer_id = i.performer_id AND s.state = 'started' AND s.turn IS NOT NULL) AS has_started,
       p.samples, p.low, p.high
  FROM perfqueue_queueitem i
  LEFT JOIN LATERAL ({PACE.format(performer="i.performer_id")}) p ON i.state = 'created'
 WHERE i.id = ANY (%s::uuid[])
"""  # noqa: S608  both parts stand above


def item_views(items: Sequence[ItemFacts], *, viewer: User | None) -> list[ItemView]:
    """Items with position, wait and trail, in the order given (at most two statements, however many items)."""
    created = [item.id for item in items if item.state == State.CREATED]
    places = {row["id"]: row for row in db.rows(POSITIONS, [created])} if created else {}
    seen = [item for item in items if may_see_all(viewer, item)]
    trails = escrow.services.trail([item.hold_id for item in seen]) if seen else {}
    views = []
    for item in items:
        place, wait = None, None
        if row := places.get(item.id):  # read now: None for an item that has left the queue since it was read
            place = row["position"]
            wait = wait_for(row, (place or 1) - 1 + row["has_started"])
        views.append(_view(item, place, wait, viewer, trails.get(item.hold_id, ())))
    return views


def item_view(item: ItemFacts, *, viewer: User | None) -> ItemView:
    """One item with place, wait and trail (one statement; two if it is created)."""
    return item_views([item], viewer=viewer)[0]


def may_see_all(viewer: User | None, item: ItemFacts) -> bool:
    if viewer is None or not viewer.is_authenticated:
        return False
    if viewer.role == Role.SERVICE:
        account = getattr(viewer, "service_account", None)  # one statement; the instance remembers it
        return account is not None and item.source_feature in account.features
    return viewer.pk in (item.user_id, item.performer_id) or viewer.is_backoffice


def queue_view(performer_id: UUID, *, viewer: User | None) -> QueueView:
    """An active performer's whole queue (four statements). Raises NotFound if there is none."""
    queue = db.first_or_not_found(PerformerQueue.objects.filter(pk=performer_id, performer__is_active=True))
    items = list(waiting(performer_id))
    started = started_item(performer_id)
    pace = db.rows(PACE.format(performer="%s"), [performer_id])[0]
    ahead = int(started is not None)
    return QueueView(
        queue=QueueFacts.of(queue),
        started=_view(ItemFacts.of(started), None, None, viewer) if started else None,
        items=[
            _view(ItemFacts.of(item), position, wait_for(pace, position - 1 + ahead), viewer)
            for position, item in enumerate(items, start=1)
        ],
        wait=wait_for(pace, len(items) + ahead),
    )


def item_for(item_id: UUID) -> ItemFacts:
    """One item, unlocked (one statement). Raises NotFound."""
    return ItemFacts.of(db.first_or_not_found(QueueItem.objects.filter(pk=item_id)))


def items_of(user: User) -> QuerySet[QueueItem]:
    """What a person bought or, for a performer, what buyers asked for; to be paged."""
    if user.role == Role.PERFORMER:
        return QueueItem.objects.filter(performer_id=user.pk, fulfilment=Fulfilment.PERFORMED)
    return QueueItem.objects.filter(user_id=user.pk)


def performed_items(
    user: User, *, states: Collection[State], before: UUID | None = None, at_most: int
) -> list[ItemFacts]:
    """A person's performed items in these states, newest first, of those older than `before` (one statement)."""
    found = items_of(user).filter(fulfilment=Fulfilment.PERFORMED, state__in=states)
    if before is not None:
        found = found.filter(id__lt=before)
    return [ItemFacts.of(row) for row in found.order_by("-id")[:at_most]]


def last_ended(user: User, *, performer_id: UUID, since: datetime) -> ItemFacts | None:
    """A person's performed item that ended last in one queue, if it ended `since` (one statement)."""
    found = items_of(user).filter(performer_id=performer_id, ended_at__gte=since, fulfilment=Fulfilment.PERFORMED)
    row = found.order_by("-ended_at").first()
    return ItemFacts.of(row) if row else None


def all_items() -> QuerySet[QueueItem]:
    """Every item, for staff; to be filtered and paged."""
    return QueueItem.objects.all()


def performers() -> QuerySet[User]:
    """Active performers with profile, presence and whether their queue is open (one statement a page)."""
    queue = PerformerQueue.objects.filter(performer_id=OuterRef("pk"))
    return (
        User.objects.filter(role=Role.PERFORMER, is_active=True)
        .select_related("performer_profile")
        .annotate(queue_open=Exists(queue.filter(is_open=True)), presence=queue.values("presence")[:1])
    )


def last_performances(performer_id: UUID, limit: int = 5) -> list[ItemFacts]:
    """What ended most recently in a queue, newest first (one statement)."""
    ended = Q(state__in=(State.FINISHED, State.REFUNDED, State.ABANDONED))
    found = QueueItem.objects.filter(ended, performer_id=performer_id, fulfilment=Fulfilment.PERFORMED)
    return [ItemFacts.of(row) for row in found.order_by("-id")[:limit]]


BACKLOG = f"""
SELECT items.*, queues.*, (SELECT count(*) FROM perfqueue_runitem r WHERE r.done_at IS NULL) AS run_items
  FROM (SELECT count(*) FILTER (WHERE i.state = 'created') AS created,
               count(*) FILTER (WHERE i.state = 'started') AS started,
               count(*) FILTER (WHERE i.state = 'abandoned') AS abandoned,
               count(*) FILTER (WHERE {OVERDUE.format(now="core_now()")}) AS overdue,
               coalesce(sum(i.tokens), 0)::bigint AS held,
               extract(epoch FROM core_now() - min(i.created_at) FILTER (WHERE i.state = 'created'))::float AS oldest_s
          FROM perfqueue_queueitem i WHERE {OPEN}) items,
       (SELECT count(*) FILTER (WHERE q.is_open) AS queues_open, count(*) FILTER (WHERE q.is_paused) AS queues_paused,
               count(*) FILTER (WHERE q.away_at IS NOT NULL) AS queues_away
          FROM perfqueue_performerqueue q) queues
"""  # noqa: S608  composed of constants


@dataclass(frozen=True)
class Backlog:
    """All queues together: open items by state, tokens held, overdue ones; items of runs without a result.

    `oldest_s`: the longest wait of a created item, in seconds; None if there is none.
    """

    created: int
    started: int
    abandoned: int
    overdue: int
    held: int
    oldest_s: float | None
    queues_open: int
    queues_paused: int
    queues_away: int
    run_items: int


def backlog() -> Backlog:
    """Figures of all queues (one statement, over open items only)."""
    return Backlog(**db.rows(BACKLOG)[0])


UTILISATION = """
WITH moment AS (SELECT core_now() AS now, core_now() - interval '1 hour' AS hour_ago),
     openings AS (SELECT q.performer_id, greatest(q.opened_at, m.hour_ago) AS since,
                         CASE WHEN q.is_open THEN m.now ELSE q.closed_at END AS until
                    FROM perfqueue_performerqueue q CROSS JOIN moment m
                   WHERE q.opened_at IS NOT NULL AND (q.is_open OR q.closed_at > m.hour_ago)),
     performances AS (SELECT o.performer_id, sum(least(coalesce(i.ended_at, o.until), o.until)
                                                 - greatest(i.started_at, o.since)) AS time
                        FROM openings o JOIN perfqueue_queueitem i ON i.performer_id = o.performer_id
                         AND i.fulfilment = 'performed' AND i.started_at < o.until
                         AND (i.state = 'started' OR (i.state = 'finished' AND i.ended_at > o.since))
                       GROUP BY o.performer_id)
SELECT (extract(epoch FROM coalesce(sum(p.time), '0'))
        / nullif(extract(epoch FROM sum(o.until - o.since)), 0))::float AS ratio
  FROM openings o LEFT JOIN performances p USING (performer_id)
"""


def utilisation() -> float | None:
    """The time on stage as a part of the time that queues were open, in the last hour (one statement).

    A queue counts from when it was last opened; finished performances and the one that runs count. None if no queue
    was open.
    """
    ratio: float | None = db.rows(UTILISATION)[0]["ratio"]
    return ratio


def queue_lengths(performer_ids: Collection[UUID]) -> dict[UUID, tuple[QueueFacts, int]]:
    """Each performer's queue with the number of its created items (one statement)."""
    created = (
        QueueItem.objects.filter(performer_id=OuterRef("performer_id"), state=State.CREATED)
        .order_by()
        .values("performer_id")
        .annotate(count=Count("id"))
        .values("count")
    )
    found = PerformerQueue.objects.filter(performer_id__in=performer_ids)
    counted = found.annotate(length=Coalesce(Subquery(created), 0))
    return {queue.pk: (QueueFacts.of(queue), queue.length) for queue in counted}


def _view(
    item: ItemFacts, position: int | None, wait: Wait | None, viewer: User | None, trail: Sequence[TrailEntry] = ()
) -> ItemView:
    mine = viewer is not None and item.user_id == viewer.pk
    return ItemView(item, position, wait, trail, mine, may_see_all(viewer, item))


def wait_for(pace: Mapping[str, float | int | None], ahead: int) -> Wait | None:
    """When those behind `ahead` others usually start, by the pace of the latest performances; None: too few of them."""
    if (pace["samples"] or 0) < SAMPLES_NEEDED:
        return None
    return Wait(round((pace["low"] or 0) * ahead), round((pace["high"] or 0) * ahead))
