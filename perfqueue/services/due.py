"""What time has decided and nobody has carried out yet: overdue items, and lines whose performer fell silent."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from core import db
from core.clock import CoreNow
from perfqueue.models import OPEN_STATES, PerformerQueue, QueueItem, State

LATE = """(
       (i.state = 'created' AND (i.rope_drop_at <= {now} OR i.max_wait_at <= {now}))
    OR (i.state = 'started' AND i.deadline_at <= {now})
    OR (i.state = 'abandoned' AND i.resolve_by <= {now}))"""
OPEN = "i.turn IS NOT NULL AND i.state IN ('created', 'started', 'abandoned')"
ITEMS = f"""
SELECT i.performer_id FROM perfqueue_queueitem i
 WHERE {OPEN} AND {LATE}"""  # noqa: S608  composed of constants
LINES = """
SELECT q.performer_id FROM perfqueue_performerqueue q
 WHERE q.silent_at <= core_now() AND (q.away_at IS NULL OR q.ends_at <= core_now())"""
DUE = f"{ITEMS.format(now='core_now()')}{{mine}} UNION {LINES}{{mine}}"


def due_lines() -> list[UUID]:
    """Every line in which time has something to decide (one statement)."""
    return [row["performer_id"] for row in db.rows(DUE.format(mine=""))]


def due_among(performer_ids: Collection[UUID]) -> list[UUID]:
    """Which of these lines time has something to decide in (one statement)."""
    ids = sorted(performer_ids)
    sql = DUE.format(mine=" AND performer_id = ANY (%s::uuid[])")
    return sorted(row["performer_id"] for row in db.rows(sql, [ids, ids])) if ids else []


def due_with(item_ids: Collection[UUID]) -> list[UUID]:
    """The same for the lines that these items are in (one statement)."""
    ids = list(item_ids)
    theirs = "SELECT a.performer_id FROM perfqueue_queueitem a WHERE a.id = ANY (%s::uuid[])"
    return sorted(
        row["performer_id"] for row in db.rows(DUE.format(mine=f" AND performer_id IN ({theirs})"), [ids, ids])
    )


def is_due(performer_id: UUID) -> bool:
    """Whether time has something to decide in one line (one statement)."""
    sql = DUE.format(mine=" AND performer_id = %s")
    return bool(db.rows(f"{sql} LIMIT 1", [performer_id, performer_id]))


def due_in(performer: OuterRef) -> Q:
    """The same as a condition inside a feature's own look-up.

    The rule a second time, as conditions: asked of every command by itself they cost four times the text above (1.0 ms
    for 0.24, measured). A test keeps the two equal.
    """
    now = CoreNow()
    items = QueueItem.objects.filter(late(), performer=performer, turn__isnull=False, state__in=OPEN_STATES)
    silent = Q(Q(away_at__isnull=True) | Q(ends_at__lte=now), silent_at__lte=now)
    return Q(Exists(items)) | Q(Exists(PerformerQueue.objects.filter(silent, performer=performer)))


def late() -> Q:
    """An item's moment has passed, as a condition on items."""
    now = CoreNow()
    return (
        Q(Q(rope_drop_at__lte=now) | Q(max_wait_at__lte=now), state=State.CREATED)
        | Q(state=State.STARTED, deadline_at__lte=now)
        | Q(state=State.ABANDONED, resolve_by__lte=now)
    )


def next_overdue(performer_id: UUID, *, by: datetime, without: Collection[UUID] = ()) -> QueueItem | None:
    """Lock and return the first item of a locked line, in line order, that was due at the moment `by`."""
    sql = ITEMS.format(now="%(by)s::timestamptz").replace("SELECT i.performer_id", "SELECT i.*")
    found = QueueItem.objects.raw(
        f"{sql} AND i.performer_id = %(performer)s AND i.id <> ALL (%(without)s::uuid[])"
        " ORDER BY i.turn LIMIT 1 FOR NO KEY UPDATE",
        {"by": by, "performer": performer_id, "without": list(without)},
    )
    return next(iter(found), None)
