"""One function per command on an item: T1 to T8. Each locks the queue, then the item, then checks.

Every endpoint and page runs the gate (`expiry.Gate`) before a command, in transactions of its own.
"""

from datetime import timedelta
from uuid import UUID

from accounts.models import User
from core.errors import Forbidden, ValidationFailed
from escrow.errors import SplitMismatch
from perfqueue import errors
from perfqueue.models import AbandonPolicy, Cause, QueueItem, State
from perfqueue.services import transitions
from perfqueue.services.facts import ItemFacts
from perfqueue.services.queues import LockedQueue, assert_runs_queue, locked_item

REVIEW_S = 24 * 3600


def start(*, item_id: UUID, actor: User, reason: str = "") -> ItemFacts:
    """T1: start the head of its performer's queue. Arms `deadline_at` (duration + grace, seconds).

    Staff may start another than the head, with a reason; the head keeps its turn and what is left of its rope drop.

    Raises:
        NotFound, Forbidden, AlreadyStarted, InvalidTransition, QueuePaused, NotHeadOfQueue, RopeDropExpired:
        nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        _assert_may_start(queue, item, may_skip=actor.is_backoffice and bool(reason))
        deadline_at = queue.now + timedelta(seconds=item.planned_s + queue.row.grace_s)
        item.start(now=queue.now, deadline_at=deadline_at, reason=reason)
        return _applied(queue, item, actor)


def finish(
    *, item_id: UUID, actor: User, settle: int | None = None, refund: int | None = None, reason: str = ""
) -> ItemFacts:
    """T2: finish the started item and pay it, in full or in part.

    One amount implies the other; a part that is refunded needs a reason. Settles to the performer less the fee.

    Raises:
        NotFound, Forbidden, InvalidTransition, DeadlinePassed, SplitMismatch, ValidationFailed (no reason),
        WalletFrozen: nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        _assert_started(queue, item, actor)
        settled, refunded = split_of(item, settle, refund, reason)
        item.finish(now=queue.now, settle=settled, refund=refunded, reason=reason)
        return _applied(queue, item, actor)


def abandon(*, item_id: UUID, actor: User, reason: str = "") -> ItemFacts:
    """T5: abandon the started item. By the performer's policy its hold is refunded at once, or waits for review.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        if item.state != State.STARTED:
            raise errors.InvalidTransition(state=item.state)
        abandon_started(queue, item, actor=actor, reason=reason)
        return ItemFacts.of(item)


def refund(*, item_id: UUID, actor: User, reason: str = "") -> ItemFacts:
    """T3, T6, T8: refund the whole hold: a performer a created or started item, staff also one under review.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        assert_runs_queue(actor, queue.performer_id)
        if item.is_final or (item.state == State.ABANDONED and not actor.is_backoffice):
            raise errors.InvalidTransition(state=item.state)
        item.refund(now=queue.now, reason=reason)
        return _applied(queue, item, actor)


def leave(*, item_id: UUID, actor: User) -> ItemFacts:
    """T3: the buyer leaves the queue and is refunded.

    Raises:
        NotFound, Forbidden, InvalidTransition: nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        if item.user_id != actor.pk:
            raise Forbidden
        if item.state != State.CREATED:
            raise errors.InvalidTransition(state=item.state)
        item.refund(now=queue.now, cause=Cause.LEFT)
        return _applied(queue, item, actor)


def resolve(
    *, item_id: UUID, actor: User, reason: str, settle: int | None = None, refund: int | None = None
) -> ItemFacts:
    """T6, T7: staff end a review, by a split or by a whole refund (`refund` = all).

    Raises:
        NotFound, InvalidTransition, SplitMismatch, ValidationFailed (no reason): nothing was written.
    """
    with locked_item(item_id) as (queue, item):
        if not reason:
            raise ValidationFailed(reason=["A reason is needed."])
        if item.state != State.ABANDONED:
            raise errors.InvalidTransition(state=item.state)
        if refund == item.tokens and not settle:
            item.refund(now=queue.now, reason=reason)
        else:
            settled, refunded = split_of(item, settle, refund, reason)
            item.finish(now=queue.now, settle=settled, refund=refunded, reason=reason)
        return _applied(queue, item, actor)


def abandon_started(
    queue: LockedQueue, item: QueueItem, *, actor: User | None, cause: str = "", reason: str = ""
) -> None:
    """T5 on a locked item: abandon it and, unless the policy is review, refund it."""
    now = queue.now
    item.abandon(now=now, resolve_by=now + timedelta(seconds=REVIEW_S), cause=cause, reason=reason)
    if queue.row.abandon_policy == AbandonPolicy.FULL_REFUND:
        item.refund(now=now, cause=cause, reason=reason)
    transitions.apply([item], queues=[queue], actor=actor)


def split_of(item: QueueItem, settle: int | None, refund: int | None, reason: str) -> tuple[int, int]:
    """What is settled and what is refunded: together the hold; at least 1 is settled; a refunded part needs a reason.

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
        raise errors.AlreadyStarted
    if item.state != State.CREATED:
        expired = item.started_at is None and item.cause in (Cause.ROPE_DROP, Cause.MAX_WAIT)
        raise errors.RopeDropExpired if expired else errors.InvalidTransition(state=item.state)
    if queue.front.has_started:
        raise errors.AlreadyStarted
    if queue.row.is_paused:
        raise errors.QueuePaused
    if not may_skip and queue.front.waiting[0] is not item:
        raise errors.NotHeadOfQueue
    if item.is_overdue(queue.now):
        raise errors.RopeDropExpired


def _assert_started(queue: LockedQueue, item: QueueItem, actor: User) -> None:
    if item.state != State.STARTED:
        raise errors.DeadlinePassed if item.cause == Cause.DEADLINE else errors.InvalidTransition(state=item.state)
    if not actor.is_backoffice and item.is_overdue(queue.now):
        raise errors.DeadlinePassed


def _applied(queue: LockedQueue, item: QueueItem, actor: User) -> ItemFacts:
    transitions.apply([item], queues=[queue], actor=actor)
    return ItemFacts.of(item)
