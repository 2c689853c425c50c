"""Many lines at a glance: for a page that lists performers, and for who watches over all of them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from core import db
from perfqueue.models import PerformerQueue, QueueItem, State
from perfqueue.services.due import LATE, OPEN

BACKLOG = f"""
SELECT items.*, lines.*, (SELECT count(*) FROM perfqueue_runitem r WHERE r.done_at IS NULL) AS run_items
  FROM (SELECT count(*) FILTER (WHERE i.state = 'created') AS created,
               count(*) FILTER (WHERE i.state = 'started') AS started,
               count(*) FILTER (WHERE i.state = 'abandoned') AS abandoned,
               count(*) FILTER (WHERE {LATE.format(now="core_now()")}) AS overdue,
               coalesce(sum(i.tokens), 0)::bigint AS held,
               extract(epoch FROM core_now() - min(i.created_at) FILTER (WHERE i.state = 'created'))::float AS oldest_s
          FROM perfqueue_queueitem i WHERE {OPEN}) items,
       (SELECT count(*) FILTER (WHERE q.is_open) AS queues_open, count(*) FILTER (WHERE q.is_paused) AS queues_paused,
               count(*) FILTER (WHERE q.away_at IS NOT NULL) AS queues_away
          FROM perfqueue_performerqueue q) lines
"""  # noqa: S608  composed of constants


@dataclass(frozen=True)
class Backlog:
    """All lines together: open items by state, what they hold (tokens), what is late; staff's runs still to come.

    `oldest_s`: how long the longest waiting item has waited, in seconds; None if nobody waits.
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
    """Look at all lines (one statement, over open items only)."""
    return Backlog(**db.rows(BACKLOG)[0])


def queue_lengths(performer_ids: Collection[UUID]) -> dict[UUID, tuple[PerformerQueue, int]]:
    """Return each performer's line with the number of items that wait in it (one statement)."""
    waiting = (
        QueueItem.objects.filter(performer_id=OuterRef("performer_id"), state=State.CREATED)
        .order_by()
        .values("performer_id")
        .annotate(count=Count("id"))
        .values("count")
    )
    found = PerformerQueue.objects.filter(performer_id__in=performer_ids)
    return {queue.pk: (queue, queue.waits) for queue in found.annotate(waits=Coalesce(Subquery(waiting), 0))}
