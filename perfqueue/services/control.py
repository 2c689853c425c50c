"""Commands on a whole queue: open, close, pause, resume, settings, blocks. Repeating one changes nothing."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

import accounts.services
import live.services
from accounts.models import Role, User
from core import db
from core.clock import CoreNow
from core.errors import NotFound
from perfqueue.models import Block, Cause, PerformerQueue, QueueItem
from perfqueue.services import events, transitions
from perfqueue.services.queues import LockedQueue, assert_runs_queue, commanded_queue, locked_queue, waiting

BOUNDS = {
    "depth": (1, 200),
    "user_cap": (1, 50),
    "rope_drop_s": (30, 900),
    "max_wait_s": (60, 86_400),
    "grace_s": (0, 600),
    "disconnect_s": (20, 600),
}
"""Bounds of what a performer may set. The tables allow shorter timers, for demos and tests."""


def make_queues(performer_ids: Iterable[UUID]) -> None:
    """Make each performer a queue, closed, with default settings, unless there is one (one statement)."""
    PerformerQueue.objects.bulk_create(
        [PerformerQueue(performer_id=performer_id) for performer_id in performer_ids], ignore_conflicts=True
    )


def open_queue(*, performer_id: UUID, actor: User) -> None:
    """Open the queue. The head's rope drop starts, unless the queue is paused. Raises NotFound, Forbidden."""
    with commanded_queue(performer_id, actor) as queue:
        if not queue.row.is_open:
            if not accounts.services.is_performer(performer_id):  # read again: deactivated while the lock was awaited
                raise NotFound
            queue.row.is_open, queue.row.opened_at, queue.row.seen_at = True, queue.now, None
            _saved(queue, "is_open", "opened_at", "seen_at")


def close_queue(*, performer_id: UUID, actor: User) -> None:
    """End the stream: close the queue and refund everybody who waits (T3, `STREAM_ENDED`).

    A started item may be finished. Locks the queue, its created items, their holds and wallets.

    Raises:
        NotFound, Forbidden.
    """
    with commanded_queue(performer_id, actor) as queue:
        close(queue, actor=actor)


def pause_queue(*, performer_id: UUID, actor: User) -> None:
    """Take no new items and stop the rope drop; what is left of it is kept. Raises NotFound, Forbidden."""
    _paused(performer_id, actor, paused=True)


def resume_queue(*, performer_id: UUID, actor: User) -> None:
    """Take new items again and start the rope drop with what was left. Raises NotFound, Forbidden."""
    _paused(performer_id, actor, paused=False)


def settings_of(*, performer_id: UUID, actor: User) -> PerformerQueue:
    """An active performer's queue with its settings, unlocked (one statement): for the performer and for staff.

    Raises:
        NotFound, Forbidden.
    """
    queue = db.first_or_not_found(PerformerQueue.objects.filter(pk=performer_id, performer__is_active=True))
    assert_runs_queue(actor, performer_id)
    return queue


def configure(*, performer_id: UUID, **settings: object) -> PerformerQueue:
    """Change settings of a queue (fields of PerformerQueue, units in their names). Items keep the timers they have.

    Raises:
        NotFound.
    """
    with locked_queue(performer_id) as queue:
        for name, value in settings.items():
            setattr(queue.row, name, value)
        queue.row.save(update_fields=list(settings))
        return queue.row


def close(queue: LockedQueue, *, actor: User | None) -> None:
    """Close a locked queue, watch it no longer, and refund everybody who waits."""
    row, was_open = queue.row, queue.row.is_open
    if was_open:
        row.is_open, row.closed_at = False, CoreNow()
    row.silent_at = row.ends_at = row.away_at = None
    row.save(update_fields=["is_open", "closed_at", "silent_at", "ends_at", "away_at"])
    if was_open:
        live.services.emit([events.of_queue(row)])
    refund_created(queue, actor=actor, cause=Cause.STREAM_ENDED)


def refund_created(
    queue: LockedQueue,
    *,
    actor: User | None,
    cause: Cause,
    user_id: UUID | None = None,
    item_ids: Collection[UUID] | None = None,
) -> list[QueueItem]:
    """T3 for created items of a locked queue: all, one buyer's, or those named; return them. One call of escrow."""
    found = waiting(queue.performer_id)
    if user_id is not None:
        found = found.filter(user_id=user_id)
    if item_ids is not None:
        found = found.filter(id__in=item_ids)
    items = list(found.select_for_update(no_key=True))
    if not items:
        return []
    for item in items:
        item.refund(now=queue.now, cause=cause)
    some_stay = user_id is not None or item_ids is not None
    transitions.apply(items, queues=[queue] if some_stay else [], actor=actor)
    return items


def withdraw(*, performer_id: UUID, item_ids: Collection[UUID], actor: User | None) -> list[QueueItem]:
    """Refund created items for something that is no longer offered (T3, `ITEM_WITHDRAWN`); return them.

    A feature names its items; those in another state are left as they are. Locks the queue, then the items.

    Raises:
        NotFound: no such queue.
    """
    with locked_queue(performer_id) as queue:
        return refund_created(queue, actor=actor, cause=Cause.WITHDRAWN, item_ids=item_ids)


def block(*, performer_id: UUID, user_id: UUID, actor: User) -> Block:
    """Keep a buyer out and refund what of theirs waits (T3, `BUYER_BLOCKED`); a started item goes on.

    Locks the queue, the buyer's created items, their holds and wallet. Blocking again changes nothing.

    Raises:
        NotFound (no such queue or buyer), Forbidden: nothing was written.
    """
    with commanded_queue(performer_id, actor) as queue:
        if not User.objects.filter(pk=user_id, role=Role.USER).exists():
            raise NotFound
        blocked, _ = Block.objects.get_or_create(performer_id=performer_id, user_id=user_id)
        refund_created(queue, actor=None, cause=Cause.BLOCKED, user_id=user_id)
        return blocked


def unblock(*, performer_id: UUID, user_id: UUID, actor: User) -> None:
    """Let a buyer in again; nothing happens if they were not kept out.

    Raises:
        NotFound (no such queue), Forbidden: nothing was written.
    """
    with commanded_queue(performer_id, actor):
        Block.objects.filter(performer_id=performer_id, user_id=user_id).delete()


def blocks_of(performer_id: UUID) -> QuerySet[Block]:
    """The buyers kept out, with their names, to be paged."""
    return Block.objects.filter(performer_id=performer_id).select_related("user")


def _paused(performer_id: UUID, actor: User, *, paused: bool) -> None:
    with commanded_queue(performer_id, actor) as queue:
        if queue.row.is_paused != paused:
            queue.row.is_paused = paused
            _saved(queue, "is_paused")


def _saved(queue: LockedQueue, *names: str) -> None:
    queue.row.save(update_fields=names)
    live.services.emit([events.of_queue(queue.row), *queue.arm_head()])
