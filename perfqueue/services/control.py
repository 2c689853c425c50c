"""A performer opens, closes, pauses and resumes her line. Repeating a command changes nothing."""

from collections.abc import Iterable
from uuid import UUID

import live.services
from accounts.models import User
from perfqueue.models import Cause, PerformerQueue, State
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.line import Line, assert_runs_queue, line, waiting


def make_queues(performer_ids: Iterable[UUID]) -> None:
    """Give each performer a line, closed and with default settings; those who have one keep it (one statement)."""
    PerformerQueue.objects.bulk_create(
        [PerformerQueue(performer_id=performer_id) for performer_id in performer_ids], ignore_conflicts=True
    )


def open_queue(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """Let people in. The head's rope drop starts, unless the line is paused.

    Raises:
        NotFound, Forbidden.
    """
    with line(performer_id) as held:
        assert_runs_queue(actor, performer_id)
        if not held.queue.is_open:
            held.queue.is_open, held.queue.opened_at, held.queue.seen_at = True, held.now, None
            _saved(held, "is_open", "opened_at", "seen_at")
        return held.queue


def close_queue(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """End the stream: the line closes and everybody who still waits has the tokens back (T3, `STREAM_ENDED`).

    What is on stage may be finished. Locks the line, its waiting items, their holds and wallets.

    Raises:
        NotFound, Forbidden.
    """
    with line(performer_id) as held:
        assert_runs_queue(actor, performer_id)
        shut(held, actor=actor)
        return held.queue


def pause_queue(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """Take nobody new and stop the rope drop where it stands.

    Raises:
        NotFound, Forbidden.
    """
    return _paused(performer_id, actor, paused=True)


def resume_queue(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """Go on with the rope drop that was left.

    Raises:
        NotFound, Forbidden.
    """
    return _paused(performer_id, actor, paused=False)


def configure(*, performer_id: UUID, **settings: object) -> PerformerQueue:
    """Change settings of a line (fields of PerformerQueue, units in their names). Items keep the timers they have.

    Raises:
        NotFound.
    """
    with line(performer_id) as held:
        for name, value in settings.items():
            setattr(held.queue, name, value)
        held.queue.save(update_fields=list(settings))
        return held.queue


def shut(held: Line, *, actor: User | None) -> None:
    """Close a locked line, watch it no longer, and send home everybody who waits."""
    queue = held.queue
    queue.is_open, queue.silent_at, queue.ends_at, queue.away_at = False, None, None, None
    queue.save(update_fields=["is_open", "silent_at", "ends_at", "away_at"])
    send_home(held, actor=actor, reason=Cause.STREAM_ENDED)


def send_home(held: Line, *, actor: User | None, reason: str) -> int:
    """T3 for everybody who waits in a locked line; return how many. One call of escrow."""
    items = list(waiting(held.performer_id).select_for_update(no_key=True))
    if not items:
        return 0
    for item in items:
        item.give_back(now=held.now, reason=reason)
    save(items)
    close_holds(items, actor=actor)
    record(
        [step(item, State.CREATED, State.REFUNDED, now=held.now, actor=actor, reason=reason) for item in items], items
    )
    return len(items)


def _paused(performer_id: UUID, actor: User, *, paused: bool) -> PerformerQueue:
    with line(performer_id) as held:
        assert_runs_queue(actor, performer_id)
        if held.queue.is_paused != paused:
            held.queue.is_paused = paused
            _saved(held, "is_paused")
        return held.queue


def _saved(held: Line, *names: str) -> None:
    held.queue.save(update_fields=names)
    live.services.emit(held.advance())
