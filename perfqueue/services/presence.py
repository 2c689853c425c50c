"""Whether the performer is there: her heartbeats, and what her silence does.

A line with no heartbeat since it was opened is not watched, and nothing here happens to it.
"""

from datetime import timedelta
from uuid import UUID

import live.services
from accounts.models import User
from perfqueue.models import Cause, PerformerQueue, Presence
from perfqueue.services.commands import stop
from perfqueue.services.control import shut
from perfqueue.services.line import Line, assert_runs_queue, line, on_stage

ENDS_AFTER_S = 5 * 60
WATCH = ["presence", "seen_at", "silent_at", "ends_at", "away_at"]


def hear(*, performer_id: UUID, actor: User, state: Presence) -> PerformerQueue:
    """Take a heartbeat. In an open line it moves the moment from which she counts as away, and brings her back.

    `offline` is her word that she is away: what her silence would do after the grace happens now. Saying it again
    does not put off the end of the stream.

    Raises:
        NotFound, Forbidden: nothing was written.
    """
    with line(performer_id) as held:
        assert_runs_queue(actor, performer_id)
        queue, returns = held.queue, False
        queue.presence, queue.seen_at = state, held.now
        if queue.is_open and state == Presence.OFFLINE:
            if queue.away_at is None:
                _watch(queue, held, grace_s=0)
                disconnect(held)
            else:
                queue.save(update_fields=WATCH)
                _stop_stage(held)  # what was put on stage while she was away
            return queue
        if queue.is_open:
            _watch(queue, held, grace_s=queue.disconnect_s)
            returns, queue.away_at = queue.away_at is not None, None
        queue.save(update_fields=WATCH)
        if returns:
            live.services.emit(held.advance())
        return queue


def disconnect(held: Line) -> None:
    """She is away since `silent_at`: what is on stage goes T5, the rope drop stands still with what was left then."""
    queue = held.queue
    queue.away_at, queue.presence = queue.silent_at, Presence.OFFLINE
    queue.save(update_fields=WATCH)
    if not _stop_stage(held):
        live.services.emit(held.advance())


def end_stream(held: Line) -> None:
    """She did not come back: the line closes, and everybody who waits has the tokens back."""
    _stop_stage(held)
    held.queue.presence = Presence.OFFLINE
    held.queue.save(update_fields=["presence"])
    shut(held, actor=None)


def _watch(queue: PerformerQueue, held: Line, *, grace_s: int) -> None:
    queue.silent_at = held.now + timedelta(seconds=grace_s)
    queue.ends_at = queue.silent_at + timedelta(seconds=ENDS_AFTER_S)


def _stop_stage(held: Line) -> bool:
    """T5 for what is on stage; True if there was anything (the line has moved up then)."""
    staged = on_stage(held.performer_id)
    if staged is None:
        return False
    stop(held, staged, actor=None, reason=Cause.DISCONNECTED)
    return True
