"""Whether a queue is as it was when it was read: its revision, and until when time alone does not change it."""

from datetime import datetime
from uuid import UUID

from core import db
from core.freshness import Seen
from perfqueue.models import DEADLINES
from perfqueue.services.expiry import OPEN

LOOK = """
SELECT q.revision, core_now() AS now
  FROM perfqueue_performerqueue q JOIN accounts_user u ON u.id = q.performer_id
 WHERE q.performer_id = %s AND u.is_active
"""
DUE = " ".join(
    f"WHEN '{state.value}' THEN least({', '.join(f'i.{column}' for column in columns)})"
    for state, columns in DEADLINES.items()
)
DUE_AT = f"""
SELECT least(CASE WHEN q.away_at IS NULL THEN q.silent_at ELSE q.ends_at END,
             (SELECT min(CASE i.state {DUE} END) FROM perfqueue_queueitem i
               WHERE i.performer_id = q.performer_id AND {OPEN})) AS due_at
  FROM perfqueue_performerqueue q WHERE q.performer_id = %s
"""  # noqa: S608  composed of constants


def look(performer_id: UUID) -> Seen:
    """Return the revision of an active performer's queue (one statement). Raises NotFound if there is none.

    It changes with everything that a `QueueView` of somebody without an account shows, but for what becomes due.
    """
    row = db.glance(LOOK, [performer_id])
    return Seen(row["revision"], row["now"])


def due_at(performer_id: UUID) -> datetime | None:
    """Return when something becomes due in a queue, in the sense of `Gate`, if nothing else happens (one statement)."""
    found: datetime | None = db.rows(DUE_AT, [performer_id])[0]["due_at"]
    return found
