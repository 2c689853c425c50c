"""What time decides: passed deadlines refund. The columns are the truth; sweeps only make it visible sooner."""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

import escrow.services
from core import db
from core.clock import CoreNow
from core.errors import DomainError, NotFound
from core.models import Heartbeat
from escrow.services import Close
from perfqueue.models import Cause, QueueItem, State, Strike, Transition
from perfqueue.services.commands import stop
from perfqueue.services.due import due_lines, due_with, is_due, overdue_items
from perfqueue.services.ledger import close_holds, record, save, step
from perfqueue.services.line import Line, lock_queues
from perfqueue.services.presence import disconnect, end_stream

log = structlog.get_logger()


def expire_due(performer_id: UUID, *, wait: bool = True) -> int:
    """Carry out what time has decided in one performer's line; return how many items ended or stopped.

    One statement if nothing is overdue. Else short transactions of its own, never inside an open one.
    `wait=False` leaves the line alone when somebody has it locked (a GET; the sweeper).
    """
    total = 0
    while is_due(performer_id):
        done = db.retried(lambda: _expire_some(performer_id, wait=wait))
        if not done:
            break
        total += done
    return total


def expire_lines_of(item_ids: Collection[UUID]) -> int:
    """`expire_due` for every line that these items are in (one statement if nothing is overdue in any)."""
    return sum(expire_due(performer_id) for performer_id in due_with(item_ids))


def sweep(process: str) -> int:
    """One round over all lines and over holds that no item took; return how many items and holds it ended.

    Safe beside other sweepers: each line and each hold is a short transaction under an advisory lock. A subject that
    fails does not keep the others waiting; the first failure is raised at the end. `process` names the heartbeat.
    """
    rounds = [partial(expire_due, performer_id, wait=False) for performer_id in due_lines()]
    rounds += [partial(db.retried, partial(_expire_hold, hold_id)) for hold_id in escrow.services.expired_holds(200)]
    total, failures = 0, []
    for each in rounds:
        try:
            total += each()
        except (DomainError, DatabaseError) as failure:
            log.exception("sweep_failed", subject=str(each.args))
            failures.append(failure)
    Heartbeat.objects.update_or_create(name=process, defaults={"at": CoreNow()})
    if failures:
        raise failures[0]
    return total


def sweeper_age_s() -> float | None:
    """Seconds since any sweeper's last round; None if there was none (one statement)."""
    row = db.rows("SELECT extract(epoch FROM core_now() - max(at))::float AS age FROM core_heartbeat")[0]
    age: float | None = row["age"]
    return age


def _expire_some(performer_id: UUID, *, wait: bool) -> int:
    with transaction.atomic():
        if not wait and not _advisory(performer_id):
            return 0
        try:
            queues = lock_queues([performer_id], skip_locked=not wait)
        except NotFound:
            return 0  # somebody works on this line; they expire it themselves
        return _carry_out(Line(queues[performer_id]))


def _carry_out(held: Line) -> int:
    """What came first is done first: items due before she fell silent, then that, then what is due since."""
    by, then = _next_word(held)
    items = overdue_items(held.performer_id, by=by)
    if items or then is None:
        return sum(_expire(held, item) for item in items)
    then(held)
    return 1


def _next_word(held: Line) -> tuple[datetime, Callable[[Line], None] | None]:
    """Up to which moment items are due first, and what her silence does after them (None: nothing yet)."""
    queue, now = held.queue, held.now
    if queue.silent_at is not None and queue.ends_at is not None:
        if queue.away_at is None and queue.silent_at <= now:
            return queue.silent_at, disconnect
        if queue.away_at is not None and queue.ends_at <= now:
            return queue.ends_at, end_stream
    return now, None


def _expire(held: Line, item: QueueItem) -> int:
    match item.state:
        case State.CREATED:
            _drop(held, item)
        case State.STARTED:
            stop(held, item, actor=None, reason=Cause.DEADLINE)
        case State.ABANDONED:
            _end_review(held, item)
    log.info("item_expired", item_id=str(item.id), performer_id=str(held.performer_id), reason=item.reason)
    return 1


def _drop(held: Line, item: QueueItem) -> None:
    """T4: the performer did not start in time. Refund, both transition rows, a strike."""
    now = held.now
    reason = Cause.ROPE_DROP if item.rope_drop_at is not None and item.rope_drop_at <= now else Cause.MAX_WAIT
    item.give_up(now=now, resolve_by=now, reason=reason)
    item.give_back(now=now, reason=reason)
    save([item])
    close_holds([item], actor=None)
    Strike.objects.create(performer_id=held.performer_id, item=item, reason=reason)
    steps = [
        step(item, State.CREATED, State.ABANDONED, now=now, actor=None, reason=reason),
        step(item, State.ABANDONED, State.REFUNDED, now=now, actor=None, reason=reason),
    ]
    record(steps, [item], more=held.advance())


def _end_review(held: Line, item: QueueItem) -> None:
    """T6: nobody resolved the review in time. Silence never pays."""
    item.give_back(now=held.now, reason=item.reason)
    save([item])
    close_holds([item], actor=None)
    steps: list[Transition] = [
        step(item, State.ABANDONED, State.REFUNDED, now=held.now, actor=None, reason=Cause.RESOLVE_BY)
    ]
    record(steps, [item], more=held.advance())


def _expire_hold(hold_id: UUID) -> int:
    """End a hold that no item took within its life. A code means that somebody was faster."""
    with transaction.atomic():
        if not _advisory(hold_id):
            return 0
        holds, now = escrow.services.lock_holds([hold_id], lift_expiry=False)
        hold = holds[hold_id]
        taken = hold.expires_at is None or hold.expires_at > now
        if taken:
            return 0
        (closed,) = escrow.services.close_many(
            [Close(key=f"expire:{hold_id}", hold_id=hold_id, settle=0, refund=hold.amount, expired=True)]
        )
        return 0 if closed.code else 1


def _advisory(subject: UUID) -> bool:
    """Take the transaction's advisory lock on one subject of sweeping, or say that another sweeper has it."""
    return db.try_lock_name(f"perfqueue.sweep:{subject}")
