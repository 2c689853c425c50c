"""What is overdue, and its expiry. The columns are the truth; the sweeper only carries them out sooner."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import structlog
from django.db import DatabaseError, OperationalError, transaction
from django.db.models import Q

from core import db
from core.clock import CoreNow
from core.errors import DomainError, LedgerUnavailable, NotFound, QueueBusy
from core.idempotency import Aside
from perfqueue.models import DEADLINES, OPEN_STATES, Cause, QueueItem, State, Strike
from perfqueue.services import transitions
from perfqueue.services.commands import abandon_started
from perfqueue.services.presence import disconnect, end_stream
from perfqueue.services.queues import LockedQueue, lock_queues

log = structlog.get_logger()

OPEN = "i.turn IS NOT NULL AND i.state IN ('created', 'started', 'abandoned')"
OVERDUE = " OR ".join(
    f"(i.state = '{state.value}' AND i.{column} <= {{now}})"
    for state, columns in DEADLINES.items()
    for column in columns
)
"""DEADLINES as SQL about an item `i`."""
OVERDUE_ITEMS = "SELECT {columns} FROM perfqueue_queueitem i WHERE {open} AND ({overdue})"
ABSENT = "(q.silent_at <= {now} AND (q.away_at IS NULL OR q.ends_at <= {now}))"
"""About a queue `q`: an absence has consequences that are not carried out."""
ABSENT_PERFORMERS = f"""
SELECT q.performer_id FROM perfqueue_performerqueue q WHERE {ABSENT.format(now="(SELECT core_now())")}
"""  # noqa: S608  composed of constants
CONCERNED = " AND performer_id = ANY (ARRAY(SELECT c.performer_id FROM concerned c))"


def overdue_items_sql(columns: str, *, now: str = "(SELECT core_now())") -> str:  # read once, not for each item
    return OVERDUE_ITEMS.format(columns=columns, open=OPEN, overdue=OVERDUE.format(now=now))


@cache
def overdue_queues_sql(concerned: str = "") -> str:
    only = CONCERNED if concerned else ""
    sql = f"{overdue_items_sql('i.performer_id')}{only} UNION {ABSENT_PERFORMERS}{only}"
    return f"WITH concerned AS MATERIALIZED ({concerned}) {sql}" if concerned else sql


def is_overdue() -> Q:
    """DEADLINES as a condition on items: one of an open item's deadlines has passed."""
    passed = Q()
    for state, columns in DEADLINES.items():
        for column in columns:
            passed |= Q(state=state, **{f"{column}__lte": CoreNow()})
    return Q(passed, turn__isnull=False, state__in=OPEN_STATES)


def overdue_queues(concerned: str = "", params: Sequence[object] = ()) -> list[UUID]:
    """Performers in whose queue an item is overdue, or whose absence has consequences not carried out (one statement).

    `concerned`: SQL of the only performers to look at, `SELECT … AS performer_id`, with its `params`; "": all.
    """
    return sorted(row["performer_id"] for row in db.rows(overdue_queues_sql(concerned), params or None))


@dataclass(frozen=True)
class Gate:
    """The queues that a request is about. Every endpoint and page about queues passes one before it does anything else.

    `concerned` and `params` as in `overdue_queues`.
    """

    concerned: str
    params: Sequence[object]

    @classmethod
    def of_performers(cls, performer_ids: Collection[UUID]) -> "Gate":
        return cls("SELECT unnest(%s::uuid[]) AS performer_id", [list(performer_ids)])

    @classmethod
    def of_items(cls, item_ids: Collection[UUID]) -> "Gate":
        return cls("SELECT performer_id FROM perfqueue_queueitem WHERE id = ANY (%s::uuid[])", [list(item_ids)])

    def before_command(self) -> int:
        """Expire what is due, waiting for locks; return how many items ended or stopped.

        One statement if nothing is overdue. Never inside an open transaction: each expiry commits on its own.

        Raises:
            What `expire_due` raises.
        """
        return self.expire(self.overdue())

    def expire(self, performer_ids: Collection[UUID]) -> int:
        """The same, where it is known already in whose queue something is due."""
        return sum(expire_due(performer_id) for performer_id in sorted(performer_ids))

    def aside(self) -> Aside:
        """The look for what is due, as a part of the look-up of a key: its values are for `expire`."""
        return Aside(overdue_queues_sql(self.concerned), self.params)

    def before_read(self) -> int:
        """The same without waiting: a queue that is locked, or an item that cannot expire, is shown as it is."""
        return sum(expire_if_unlocked(performer_id).ended for performer_id in self.overdue())

    def overdue(self) -> list[UUID]:
        """Performers in whose queue something is due (one statement)."""
        return overdue_queues(self.concerned, self.params) if any(self.params) else []


class CannotExpire(Exception):
    """An overdue item whose expiry failed and was rolled back."""

    def __init__(self, item_id: UUID, failure: Exception) -> None:
        super().__init__(item_id)
        self.item_id, self.failure = item_id, failure


@dataclass(frozen=True)
class Expired:
    """How many items ended or stopped; what kept others from it, by item."""

    ended: int
    failures: dict[UUID, Exception]


def expire_due(performer_id: UUID) -> int:
    """Expire what is due in one performer's queue, before a command; return how many items ended or stopped.

    One statement if nothing is overdue. Else short transactions, one an item, never inside an open one. An item that
    cannot expire (a defect) stays as it is and does not stop those behind it.

    Raises:
        QueueBusy, LedgerUnavailable; the failure of an item that could not expire, after the others have.
    """
    expired = _expire_all(performer_id, wait=True)
    if expired.failures:
        raise next(iter(expired.failures.values()))
    return expired.ended


def expire_if_unlocked(performer_id: UUID) -> Expired:
    """The same for a read or the sweeper: leaves the queue alone if it is locked or the ledger is not reached."""
    return _expire_all(performer_id, wait=False)


def _expire_all(performer_id: UUID, *, wait: bool) -> Expired:
    ended, failures = 0, dict[UUID, Exception]()
    gate = Gate.of_performers([performer_id])
    while gate.overdue():
        try:
            done = db.retried(lambda: _expire_next(performer_id, wait=wait, without=list(failures)))
        except (LedgerUnavailable, QueueBusy):
            if wait:
                raise
            log.warning("expiry_left", performer_id=str(performer_id))
            break
        except CannotExpire as error:
            failures[error.item_id] = error.failure
            log.error(
                "expiry_failed", item_id=str(error.item_id), performer_id=str(performer_id), error=repr(error.failure)
            )
            continue
        if not done:
            break
        ended += done
    return Expired(ended, failures)


def _expire_next(performer_id: UUID, *, wait: bool, without: Collection[UUID]) -> int:
    with transaction.atomic():
        if not wait and not advisory(performer_id):
            return 0
        try:
            rows = lock_queues([performer_id], skip_locked=not wait)
        except NotFound:
            return 0  # locked: its holder has expired what was due, or the next read does
        return _expire_first(LockedQueue(rows[performer_id]), without)


def _expire_first(queue: LockedQueue, without: Collection[UUID]) -> int:
    """Expire what came first: an item due before the absence began, then the absence, then what is due since."""
    by, absence = _next_absence(queue)
    item = _next_overdue(queue.performer_id, by=by, without=without)
    if item is not None:
        try:
            return _expire(queue, item)
        except (LedgerUnavailable, OperationalError):
            raise  # no fault of the item's
        except (DomainError, DatabaseError) as failure:
            raise CannotExpire(item.id, failure) from failure
    if absence is None:
        return 0
    absence(queue)
    return 1


def _next_absence(queue: LockedQueue) -> tuple[datetime, Callable[[LockedQueue], None] | None]:
    """Up to when items are due first, and what the performer's absence does after them (None: nothing yet)."""
    row, now = queue.row, queue.now
    if row.silent_at is not None and row.ends_at is not None:
        if row.away_at is None and row.silent_at <= now:
            return row.silent_at, disconnect
        if row.away_at is not None and row.ends_at <= now:
            return row.ends_at, end_stream
    return now, None


def _next_overdue(performer_id: UUID, *, by: datetime, without: Collection[UUID]) -> QueueItem | None:
    """Lock and return the first item of a locked queue that was overdue at `by`."""
    found = QueueItem.objects.raw(
        f"{overdue_items_sql('i.*', now='%(by)s::timestamptz')}"
        " AND i.performer_id = %(performer)s AND i.id <> ALL (%(without)s::uuid[])"
        " ORDER BY i.turn LIMIT 1 FOR NO KEY UPDATE",
        {"by": by, "performer": performer_id, "without": list(without)},
    )
    return next(iter(found), None)


def _expire(queue: LockedQueue, item: QueueItem) -> int:
    now = queue.now
    match item.state:
        case State.CREATED:  # T4: not started in time
            passed = item.rope_drop_at is not None and item.rope_drop_at <= now
            cause = Cause.ROPE_DROP if passed else Cause.MAX_WAIT
            item.abandon(now=now, resolve_by=now, cause=cause)
            item.refund(now=now, cause=cause)
            transitions.apply([item], queues=[queue], actor=None)
            Strike.objects.create(performer_id=queue.performer_id, item=item, cause=cause)
        case State.STARTED:  # T5: not finished in time
            cause = Cause.DEADLINE
            abandon_started(queue, item, actor=None, cause=cause)
        case State.ABANDONED:  # T6: not resolved in time
            cause = Cause.RESOLVE_BY
            item.refund(now=now, cause=cause)
            transitions.apply([item], queues=[queue], actor=None)
    log.info("item_expired", item_id=str(item.id), performer_id=str(queue.performer_id), cause=cause)
    return 1


def advisory(subject: UUID) -> bool:
    """Take the transaction's advisory lock on one subject of sweeping; False if another sweeper has it."""
    return db.try_lock_name(f"perfqueue.sweep:{subject}")
