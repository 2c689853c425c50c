"""A performer opens, closes, pauses and resumes her line. Repeating a command changes nothing."""

from collections.abc import Collection, Iterable
from uuid import UUID

import live.services
from accounts.models import User
from core.errors import NotFound
from perfqueue.models import Cause, PerformerQueue, QueueItem, State
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.queues import LockedQueue, assert_runs_queue, locked_queue, waiting

BOUNDS = {
    "depth": (1, 200),
    "user_cap": (1, 50),
    "rope_drop_s": (30, 900),
    "max_wait_s": (60, 86_400),
    "grace_s": (0, 600),
    "disconnect_s": (20, 600),
}
"""Least and most that a performer may set. The tables allow shorter timers, for demos and tests."""


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
    with locked_queue(performer_id) as queue:
        assert_runs_queue(actor, performer_id)
        if not queue.row.is_open:
            queue.row.is_open, queue.row.opened_at, queue.row.seen_at = True, queue.now, None
            _saved(queue, "is_open", "opened_at", "seen_at")
        return queue.row


def close_queue(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """End the stream: the line closes and everybody who still waits has the tokens back (T3, `STREAM_ENDED`).

    What is on stage may be finished. Locks the line, its waiting items, their holds and wallets.

    Raises:
        NotFound, Forbidden.
    """
    with locked_queue(performer_id) as queue:
        assert_runs_queue(actor, performer_id)
        close(queue, actor=actor)
        return queue.row


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


def settings_of(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """A performer's line with its settings, unlocked (one statement): for herself and for staff.

    Raises:
        NotFound, Forbidden.
    """
    queue = PerformerQueue.objects.filter(pk=performer_id).first()
    if queue is None:
        raise NotFound
    assert_runs_queue(actor, performer_id)
    return queue


def configure(*, performer_id: UUID, **settings: object) -> PerformerQueue:
    """Change settings of a line (fields of PerformerQueue, units in their names). Items keep the timers they have.

    Raises:
        NotFound.
    """
    with locked_queue(performer_id) as queue:
        for name, value in settings.items():
            setattr(queue.row, name, value)
        queue.row.save(update_fields=list(settings))
        return queue.row


def close(queue: LockedQueue, *, actor: User | None) -> None:
    """Close a locked line, watch it no longer, and send home everybody who waits."""
    row = queue.row
    row.is_open, row.silent_at, row.ends_at, row.away_at = False, None, None, None
    row.save(update_fields=["is_open", "silent_at", "ends_at", "away_at"])
    refund_created(queue, actor=actor, reason=Cause.STREAM_ENDED)


def refund_created(
    queue: LockedQueue,
    *,
    actor: User | None,
    reason: str,
    user_id: UUID | None = None,
    item_ids: Collection[UUID] | None = None,
) -> list[QueueItem]:
    """T3 for those who wait in a locked line: all, one buyer's, or the items named; return them. One call of escrow."""
    chosen = waiting(queue.performer_id)
    if user_id is not None:
        chosen = chosen.filter(user_id=user_id)
    if item_ids is not None:
        chosen = chosen.filter(id__in=item_ids)
    items = list(chosen.select_for_update(no_key=True))
    if not items:
        return []
    for item in items:
        item.refund(now=queue.now, reason=reason)
    save(items)
    close_holds(items, actor=actor)
    steps = [step(item, State.CREATED, State.REFUNDED, now=queue.now, actor=actor, reason=reason) for item in items]
    some_stay = user_id is not None or item_ids is not None
    record(steps, items, more=queue.arm_head() if some_stay else ())
    return items


def withdraw(*, performer_id: UUID, item_ids: Collection[UUID], actor: User | None) -> list[QueueItem]:
    """Give back waiting requests for something that is no longer offered (T3, `ITEM_WITHDRAWN`); return them.

    A feature calls it with the requests it knows of; those that no longer wait are left as they are. Locks the line,
    then the items.

    Raises:
        NotFound: nobody's line.
    """
    with locked_queue(performer_id) as queue:
        return refund_created(queue, actor=actor, reason=Cause.WITHDRAWN, item_ids=item_ids)


def _paused(performer_id: UUID, actor: User, *, paused: bool) -> PerformerQueue:
    with locked_queue(performer_id) as queue:
        assert_runs_queue(actor, performer_id)
        if queue.row.is_paused != paused:
            queue.row.is_paused = paused
            _saved(queue, "is_paused")
        return queue.row


def _saved(queue: LockedQueue, *names: str) -> None:
    queue.row.save(update_fields=names)
    live.services.emit(queue.arm_head())
