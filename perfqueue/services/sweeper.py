"""One round of the sweeper: expires what is due in every queue and holds that no item took; works on runs."""

from functools import partial
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction

import escrow.services
from core import db
from core.clock import CoreNow
from core.errors import DomainError, LedgerUnavailable, QueueBusy
from core.models import Heartbeat
from escrow.services import Close
from perfqueue.services.expiry import advisory, expire_if_unlocked, overdue_queues
from perfqueue.services.runs import work_runs

MAX_ROUND_HOLDS = 200
MAX_ROUND_TRIES = 5 * MAX_ROUND_HOLDS  # so many that cannot end are skipped
MAX_ROUND_RUN_ITEMS = 20  # the tasks do most; deadlines come first here
log = structlog.get_logger()


def sweep(process: str) -> int:
    """One round; return how many items and holds ended, and how many run items have their result.

    Safe beside other sweepers: each item and each hold is a short transaction under an advisory lock. A subject that
    fails does not stop the others; the first failure is raised at the end. `process` names the heartbeat.
    """
    failures: list[Exception] = []
    rounds = [partial(_expire_queue, performer_id, failures) for performer_id in overdue_queues()]
    rounds += [
        partial(_alive, process),
        partial(work_runs, at_most=MAX_ROUND_RUN_ITEMS),
        partial(_expire_holds, failures),
    ]
    total = sum(_tried(each, failures) for each in rounds)
    if failures:
        raise failures[0]
    return total


def _tried(work: partial[int], failures: list[Exception], *, unless: tuple[type[DomainError], ...] = ()) -> int:
    """The result of the work; 0 if it failed, which is logged and added to `failures`. `unless`: raised instead."""
    try:
        return work()
    except unless:
        raise
    except (DomainError, DatabaseError) as failure:
        log.exception("sweep_failed", subject=str(work))
        failures.append(failure)
        return 0


def _expire_queue(performer_id: UUID, failures: list[Exception]) -> int:
    expired = expire_if_unlocked(performer_id)
    failures += expired.failures.values()
    return expired.ended


def _alive(process: str) -> int:
    Heartbeat.objects.update_or_create(name=process, defaults={"at": CoreNow()})
    return 0


def sweeper_age_s() -> float | None:
    """Seconds since any sweeper's last round; None if there was none (one statement)."""
    row = db.rows("SELECT extract(epoch FROM core_now() - max(at))::float AS age FROM core_heartbeat")[0]
    age: float | None = row["age"]
    return age


def _expire_holds(failures: list[Exception]) -> int:
    """End expired holds that no item took, oldest first, up to `MAX_ROUND_HOLDS`; return how many ended.

    Those that cannot end do not stop those behind them.

    Raises:
        LedgerUnavailable, QueueBusy: no fault of the hold's; the next round tries again.
    """
    ended, tried, last = 0, 0, None
    while tried < MAX_ROUND_TRIES and (page := escrow.services.expired_holds(MAX_ROUND_HOLDS - ended, after=last)):
        for hold in page:
            work = partial(db.retried, partial(_expire_hold, hold.id))
            ended += _tried(work, failures, unless=(LedgerUnavailable, QueueBusy))
        tried, last = tried + len(page), page[-1]
    return ended


def _expire_hold(hold_id: UUID) -> int:
    """End an expired hold that no item took; 0 if another transaction has closed or taken it."""
    with transaction.atomic():
        if not advisory(hold_id):
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
