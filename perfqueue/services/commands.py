"""One function per command on an item: T1 to T8. Each locks the line, then the item, then decides.

Every endpoint runs `expire_due` first, in a transaction of its own: a command sees what time has already decided.
"""

from datetime import timedelta
from uuid import UUID

from accounts.models import User
from core import db
from core.errors import Forbidden, ValidationFailed
from escrow.errors import SplitMismatch
from perfqueue.errors import (
    AlreadyStarted,
    DeadlinePassed,
    InvalidTransition,
    NotHeadOfQueue,
    QueuePaused,
    RopeDropExpired,
)
from perfqueue.models import AbandonPolicy, Cause, QueueItem, State
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.queues import LockedQueue, assert_runs_queue, locked_item, started_item, waiting

DEFAULT_DURATION_S = 30 * 60
REVIEW_S = 24 * 3600


def start(*, item_id: UUID, actor: User, reason: str = "") -> QueueItem:
    """T1: put the head of its performer's line on stage. Arms `deadline_at` (duration + grace, seconds).

    Staff may start another than the head, with a reason; the head keeps its place and what is left of its time.

    Raises:
        NotFound, Forbidden, AlreadyStarted, InvalidTransition, QueuePaused, NotHeadOfQueue, RopeDropExpired:
        nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        _assert_may_start(queue, item, may_skip=actor.is_backoffice and bool(reason))
        length_s = (item.duration_s or DEFAULT_DURATION_S) + queue.row.grace_s
        item.start(now=queue.now, deadline_at=queue.now + timedelta(seconds=length_s))
        return _written(queue, item, State.CREATED, State.STARTED, actor, reason)


def finish(
    *, item_id: UUID, actor: User, settle: int | None = None, refund: int | None = None, reason: str = ""
) -> QueueItem:
    """T2: end the performance on stage and pay it, in full or in part.

    One amount implies the other; a part that goes back needs a reason. Settles to the performer less her fee.

    Raises:
        NotFound, Forbidden, InvalidTransition, DeadlinePassed, SplitMismatch, ValidationFailed (no reason),
        WalletFrozen: nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        _assert_on_stage(queue, item, actor)
        paid, back = split_of(item, settle, refund, reason)
        item.finish(now=queue.now, settle=paid, refund=back, reason=reason)
        return _written(queue, item, State.STARTED, State.FINISHED, actor, reason)


def abandon(*, item_id: UUID, actor: User, reason: str = "") -> QueueItem:
    """T5: stop the performance on stage. By the performer's policy its hold goes back at once, or waits for review.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        if item.state != State.STARTED:
            raise InvalidTransition(state=item.state)
        stop(queue, item, actor=actor, reason=reason)
        return item


def refund(*, item_id: UUID, actor: User, reason: str = "") -> QueueItem:
    """T3, T6, T8: give the whole hold back: a performer from line or stage, staff also from review.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        if item.is_final or (item.state == State.ABANDONED and not actor.is_backoffice):
            raise InvalidTransition(state=item.state)
        source = item.state
        item.refund(now=queue.now, reason=reason)
        return _written(queue, item, source, State.REFUNDED, actor, reason)


def leave(*, item_id: UUID, actor: User) -> QueueItem:
    """T3: the buyer steps out of the line and has the tokens back.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        if item.user_id != actor.pk:
            raise Forbidden
        if item.state != State.CREATED:
            raise InvalidTransition(state=item.state)
        item.refund(now=queue.now, reason=Cause.LEFT)
        return _written(queue, item, State.CREATED, State.REFUNDED, actor, Cause.LEFT)


def resolve(*, item_id: UUID, actor: User, settle: int | None, refund: int | None, reason: str) -> QueueItem:
    """T6, T7: staff end a review, by a split or by giving all back (`refund` = all).

    Raises:
        NotFound, InvalidTransition, SplitMismatch, ValidationFailed (no reason): nothing was written.
    """
    with db.joined(), locked_item(item_id) as (queue, item):
        if not reason:
            raise ValidationFailed(reason=["A reason is needed."])
        if item.state != State.ABANDONED:
            raise InvalidTransition(state=item.state)
        if refund == item.tokens and not settle:
            item.refund(now=queue.now, reason=reason)
            return _written(queue, item, State.ABANDONED, State.REFUNDED, actor, reason)
        paid, back = split_of(item, settle, refund, reason)
        item.finish(now=queue.now, settle=paid, refund=back, reason=reason)
        return _written(queue, item, State.ABANDONED, State.FINISHED, actor, reason)


def stop(queue: LockedQueue, item: QueueItem, *, actor: User | None, reason: str) -> None:
    """T5 on a locked item: abandon it and, unless it goes to review, refund it in the same breath."""
    now = queue.now
    item.abandon(now=now, resolve_by=now + timedelta(seconds=REVIEW_S), reason=reason)
    steps = [step(item, State.STARTED, State.ABANDONED, now=now, actor=actor, reason=reason)]
    if queue.row.abandon_policy == AbandonPolicy.FULL_REFUND:
        item.refund(now=now, reason=reason)
        steps.append(step(item, State.ABANDONED, State.REFUNDED, now=now, actor=actor, reason=reason))
    save([item])
    if item.is_final:
        close_holds([item], actor=actor)
    record(steps, [item], more=queue.arm_head())


def split_of(item: QueueItem, settle: int | None, refund: int | None, reason: str) -> tuple[int, int]:
    """What is paid and what goes back. Together the hold, exactly; at least 1 is paid; a part needs a reason.

    Raises:
        SplitMismatch, ValidationFailed.
    """
    if settle is None:
        settle = item.tokens - (refund or 0)
    if refund is None:
        refund = item.tokens - settle
    if settle < 1 or refund < 0 or settle + refund != item.tokens:
        raise SplitMismatch(held=item.tokens)
    if refund and not reason:
        raise ValidationFailed(reason=["A split needs a reason."])
    return settle, refund


def _assert_may_start(queue: LockedQueue, item: QueueItem, *, may_skip: bool) -> None:
    if item.state == State.STARTED:
        raise AlreadyStarted
    if item.state != State.CREATED:
        expired = item.started_at is None and item.reason in (Cause.ROPE_DROP, Cause.MAX_WAIT)
        raise RopeDropExpired if expired else InvalidTransition(state=item.state)
    if started_item(queue.performer_id) is not None:
        raise AlreadyStarted
    if queue.row.is_paused:
        raise QueuePaused
    if not may_skip and waiting(queue.performer_id)[:1].get().id != item.id:
        raise NotHeadOfQueue
    if any(due is not None and due <= queue.now for due in (item.rope_drop_at, item.max_wait_at)):
        raise RopeDropExpired


def _assert_on_stage(queue: LockedQueue, item: QueueItem, actor: User) -> None:
    if item.state != State.STARTED:
        raise DeadlinePassed if item.reason == Cause.DEADLINE else InvalidTransition(state=item.state)
    if not actor.is_backoffice and item.deadline_at is not None and item.deadline_at <= queue.now:
        raise DeadlinePassed


def _written(
    queue: LockedQueue, item: QueueItem, source: str, target: str, actor: User | None, reason: str = ""
) -> QueueItem:
    """Save the item, close its hold if it is final, store transition and events, move the line up."""
    save([item])
    if item.is_final:
        close_holds([item], actor=actor)
    steps = [step(item, source, target, now=queue.now, actor=actor, reason=reason)]
    record(steps, [item], more=queue.arm_head())
    return item
