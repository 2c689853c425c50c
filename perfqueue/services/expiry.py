"""What time decides: passed deadlines refund. The columns are the truth; sweeps only make it visible sooner."""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, transaction

from core import db
from core.errors import DomainError, LedgerUnavailable, NotFound, QueueBusy
from perfqueue.models import Cause, QueueItem, State, Strike, Transition
from perfqueue.services.commands import stop
from perfqueue.services.due import is_due, next_overdue, overdue_queues_of
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.presence import disconnect, end_stream
from perfqueue.services.queues import LockedQueue, lock_queues

log = structlog.get_logger()


class CannotEnd(Exception):
    """An overdue item whose end failed; everything of the attempt is rolled back."""

    def __init__(self, item_id: UUID, failure: Exception) -> None:
        super().__init__(item_id)
        self.item_id, self.failure = item_id, failure


def expire_due(performer_id: UUID, *, wait: bool = True, failures: list[Exception] | None = None) -> int:
    """Carry out what time has decided in one performer's line; return how many items ended or stopped.

    One statement if nothing is overdue. Else short transactions of its own, one an item, never inside an open one. An
    overdue item that cannot end (a defect) is left as it is; those behind it go on, then the failure is raised, for no
    command may go by what time has not decided. `wait=False` (a GET; the sweeper) leaves the line alone when somebody
    has it locked or the ledger is not reached, and puts what failed into `failures` instead.
    """
    total, broken = 0, dict[UUID, Exception]()
    while is_due(performer_id):
        try:
            done = db.retried(lambda: _expire_next(performer_id, wait=wait, without=list(broken)))
        except (LedgerUnavailable, QueueBusy):
            if wait:
                raise
            log.warning("expiry_left", performer_id=str(performer_id))  # a read tells what is; the next one looks again
            break
        except CannotEnd as stuck:
            broken[stuck.item_id] = stuck.failure
            log.error(
                "expiry_failed", item_id=str(stuck.item_id), performer_id=str(performer_id), error=repr(stuck.failure)
            )
            continue
        if not done:
            break
        total += done
    if failures is not None:
        failures += broken.values()
    if broken and wait:
        raise next(iter(broken.values()))
    return total


def expire_queues_of(item_ids: Collection[UUID]) -> int:
    """`expire_due` for every line that these items are in (one statement if nothing is overdue in any)."""
    return sum(expire_due(performer_id) for performer_id in overdue_queues_of(item_ids))


def _expire_next(performer_id: UUID, *, wait: bool, without: Collection[UUID]) -> int:
    with transaction.atomic():
        if not wait and not advisory(performer_id):
            return 0
        try:
            queues = lock_queues([performer_id], skip_locked=not wait)
        except NotFound:
            return 0  # somebody works on this line; they expire it themselves
        return _carry_out(LockedQueue(queues[performer_id]), without)


def _carry_out(queue: LockedQueue, without: Collection[UUID]) -> int:
    """What came first is done first: items due before she fell silent, then that, then what is due since."""
    by, then = _next_word(queue)
    item = next_overdue(queue.performer_id, by=by, without=without)
    if item is not None:
        try:
            return _expire(queue, item)
        except (LedgerUnavailable, OperationalError):
            raise  # nothing is wrong with the item
        except (DomainError, DatabaseError) as failure:
            raise CannotEnd(item.id, failure) from failure
    if then is None:
        return 0
    then(queue)
    return 1


def _next_word(queue: LockedQueue) -> tuple[datetime, Callable[[LockedQueue], None] | None]:
    """Up to which moment items are due first, and what her silence does after them (None: nothing yet)."""
    row, now = queue.row, queue.now
    if row.silent_at is not None and row.ends_at is not None:
        if row.away_at is None and row.silent_at <= now:
            return row.silent_at, disconnect
        if row.away_at is not None and row.ends_at <= now:
            return row.ends_at, end_stream
    return now, None


def _expire(queue: LockedQueue, item: QueueItem) -> int:
    match item.state:
        case State.CREATED:
            _drop(queue, item)
        case State.STARTED:
            stop(queue, item, actor=None, reason=Cause.DEADLINE)
        case State.ABANDONED:
            _end_review(queue, item)
    log.info("item_expired", item_id=str(item.id), performer_id=str(queue.performer_id), reason=item.reason)
    return 1


def _drop(queue: LockedQueue, item: QueueItem) -> None:
    """T4: the performer did not start in time. Refund, both transition rows, a strike."""
    now = queue.now
    reason = Cause.ROPE_DROP if item.rope_drop_at is not None and item.rope_drop_at <= now else Cause.MAX_WAIT
    item.abandon(now=now, resolve_by=now, reason=reason)
    item.refund(now=now, reason=reason)
    save([item])
    close_holds([item], actor=None)
    Strike.objects.create(performer_id=queue.performer_id, item=item, reason=reason)
    steps = [
        step(item, State.CREATED, State.ABANDONED, now=now, actor=None, reason=reason),
        step(item, State.ABANDONED, State.REFUNDED, now=now, actor=None, reason=reason),
    ]
    record(steps, [item], more=queue.arm_head())


def _end_review(queue: LockedQueue, item: QueueItem) -> None:
    """T6: nobody resolved the review in time. Silence never pays."""
    item.refund(now=queue.now, reason=item.reason)
    save([item])
    close_holds([item], actor=None)
    steps: list[Transition] = [
        step(item, State.ABANDONED, State.REFUNDED, now=queue.now, actor=None, reason=Cause.RESOLVE_BY)
    ]
    record(steps, [item], more=queue.arm_head())


def advisory(subject: UUID) -> bool:
    """Take the transaction's advisory lock on one subject of sweeping, or say that another sweeper has it."""
    return db.try_lock_name(f"perfqueue.sweep:{subject}")
