"""The performer's heartbeats, and what their absence does to the queue.

A queue with no heartbeat since it was opened is not watched: no absence is noticed.
"""

from datetime import timedelta
from uuid import UUID

import live.services
from accounts.models import User
from perfqueue.models import Cause, PerformerQueue, Presence
from perfqueue.services import events
from perfqueue.services.commands import abandon_started
from perfqueue.services.control import close
from perfqueue.services.queues import LockedQueue, commanded_queue, started_item

ENDS_AFTER_S = 5 * 60
PRESENCE_COLUMNS = ["presence", "seen_at", "silent_at", "ends_at", "away_at"]


def record_heartbeat(*, performer_id: UUID, actor: User, state: Presence) -> PerformerQueue:
    """Store a heartbeat. In an open queue it puts off when the performer counts as away, and ends an absence.

    `offline` declares an absence: what silence does after the grace happens now. Repeated, it does not put off the end
    of the stream.

    Raises:
        NotFound, Forbidden: nothing was written.
    """
    with commanded_queue(performer_id, actor) as queue:
        row, returns = queue.row, False
        row.presence, row.seen_at = state, queue.now
        if row.is_open and state == Presence.OFFLINE:
            if row.away_at is None:
                _watch(queue, grace_s=0)
                disconnect(queue)
            else:
                row.save(update_fields=PRESENCE_COLUMNS)
                _disconnect_started(queue)  # started out of turn by staff during the absence
            return row
        if row.is_open:
            _watch(queue, grace_s=row.disconnect_s)
            returns, row.away_at = row.away_at is not None, None
        row.save(update_fields=PRESENCE_COLUMNS)
        if returns:
            live.services.emit([events.of_queue(row), *queue.arm_head()])
        return row


def disconnect(queue: LockedQueue) -> None:
    """Count the performer as away since `silent_at`: abandon the started item, stop the head's rope drop as of then."""
    row = queue.row
    row.away_at, row.presence = row.silent_at, Presence.OFFLINE
    row.save(update_fields=PRESENCE_COLUMNS)
    live.services.emit([events.of_queue(row)])
    if not _disconnect_started(queue):
        live.services.emit(queue.arm_head())


def end_stream(queue: LockedQueue) -> None:
    """Close the queue of a performer who stayed away, and refund everybody who waits."""
    _disconnect_started(queue)
    queue.row.presence = Presence.OFFLINE
    queue.row.save(update_fields=["presence"])
    close(queue, actor=None)


def _watch(queue: LockedQueue, *, grace_s: int) -> None:
    queue.row.silent_at = queue.now + timedelta(seconds=grace_s)
    queue.row.ends_at = queue.row.silent_at + timedelta(seconds=ENDS_AFTER_S)


def _disconnect_started(queue: LockedQueue) -> bool:
    """T5 for the started item; True if there was one (the head is armed then)."""
    item = started_item(queue.performer_id)
    if item is None:
        return False
    abandon_started(queue, item, actor=None, cause=Cause.DISCONNECTED)
    return True
