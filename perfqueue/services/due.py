"""What time has decided and nobody has carried out yet: overdue items, and lines whose performer fell silent."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from core import db
from core.clock import CoreNow
from perfqueue.models import QueueItem, State

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


def overdue_performers() -> list[UUID]:
    """Every line in which time has something to decide (one statement)."""
    return [row["performer_id"] for row in db.rows(DUE.format(mine=""))]


def overdue_queues(performer_ids: Collection[UUID]) -> list[UUID]:
    """Which of these lines time has something to decide in (one statement)."""
    ids = sorted(performer_ids)
    sql = DUE.format(mine=" AND performer_id = ANY (%s::uuid[])")
    return sorted(row["performer_id"] for row in db.rows(sql, [ids, ids])) if ids else []


def overdue_queues_of(item_ids: Collection[UUID]) -> list[UUID]:
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


def overdue_queue(whose: str, params: Sequence[object]) -> UUID | None:
    """The line that a feature's own look-up names, if time has something to decide in it (one statement for both).

    `whose`: the SQL of one row, `SELECT … AS performer_id`, with its `params`.
    """
    sql = DUE.format(mine=" AND performer_id = (SELECT whose.performer_id FROM whose)")
    found = db.rows(f"WITH whose AS MATERIALIZED ({whose}) {sql} LIMIT 1", params)
    return found[0]["performer_id"] if found else None


def late() -> Q:
    """An item's moment has passed, as a condition on items: `LATE` a second time, for lists of the ORM's."""
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
