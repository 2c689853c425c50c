"""Runs: one command of staff over many items, worked through one item and one transaction at a time.

The rows are the truth: a worker (the page that opened the run, a task, a sweep) takes items that have no result yet, so
a run goes on after any crash, and no item is done twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from django.db import OperationalError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import SUPPORT_ROLES, User
from core import db
from core.clock import CoreNow
from core.errors import DomainError, Forbidden, InternalError, Kind, ValidationFailed
from perfqueue.errors import InvalidTransition
from perfqueue.models import OPEN_STATES, QueueItem, Run, RunAction, RunItem, State
from perfqueue.services.commands import finish, refund, resolve
from perfqueue.services.expiry import Gate
from perfqueue.services.facts import ItemFacts
from perfqueue.services.views import item_for

MAX_RUN_ITEMS = 5_000
MAX_ROUND_ITEMS = 100
MAX_BUSY_QUEUES = 3
WORK_TASK = "perfqueue.work_runs"
"""The name of the task that calls `work_runs`, by which endpoints and pages request it."""
log = structlog.get_logger()


class _Busy(Exception):
    """Not now: a lock timed out, or the ledger was not reached."""


@dataclass(frozen=True)
class Progress:
    """How far a run is, in items; what it has moved, in tokens."""

    total: int
    done: int
    refused: int
    settled: int
    refunded: int

    @property
    def worked(self) -> int:
        return self.done + self.refused

    @property
    def percent(self) -> int:
        return self.worked * 100 // self.total


def open_run(
    *,
    action: RunAction,
    item_ids: Sequence[UUID],
    actor: User,
    reason: str,
    settle: int | None = None,
    filters: object = None,
) -> Run:
    """Store a run over up to 5,000 items, none of which has been worked on.

    Raises:
        ValidationFailed: no item or too many, no reason, a split without a part.
    """
    ids = list(dict.fromkeys(item_ids))
    if not 1 <= len(ids) <= MAX_RUN_ITEMS:
        raise ValidationFailed(ids=[f"1 to {MAX_RUN_ITEMS} items, here {len(ids)}."])
    if not reason:
        raise ValidationFailed(reason=["A reason is needed."])
    if (settle is not None) != (action == RunAction.SPLIT):
        raise ValidationFailed(settleTokens=["A split names what it pays; nothing else does."])
    with db.joined():
        run = Run.objects.create(
            action=action, settle=settle, reason=reason, actor=actor, filters=filters, total=len(ids)
        )
        RunItem.objects.bulk_create([RunItem(run=run, item_id=item_id) for item_id in ids])
    return run


def work_runs(*, run_id: UUID | None = None, at_most: int = MAX_ROUND_ITEMS) -> int:
    """Give up to `at_most` items of open runs (or of one run) their result, oldest first; return how many had one.

    Each in a transaction of its own, after the gate of its queue. Items of a busy queue wait for the next round; after
    a few busy queues the round is over. Never inside an open transaction; safe beside other workers.
    """
    todo = RunItem.objects.filter(done_at=None)
    if run_id is not None:
        todo = todo.filter(run_id=run_id)
    rows = list(todo.order_by("id").values_list("id", "item_id")[:at_most])
    worked = _worked(rows) if rows else 0
    left = RunItem.objects.filter(run=OuterRef("pk"), done_at=None)
    Run.objects.filter(~Exists(left), ended_at=None).update(ended_at=CoreNow())  # also one that a crash left behind
    return worked


def run_of(run_id: UUID, *, action: RunAction) -> Run:
    """One run with this action (one statement). Raises NotFound."""
    return db.first_or_not_found(Run.objects.filter(pk=run_id, action=action))


def progress(run: Run) -> Progress:
    """How far it is (one statement)."""
    return Progress(total=run.total, **run.items.aggregate(**_FIGURES))


def results(run: Run) -> QuerySet[RunItem]:
    """Its items that have their result, in the order given."""
    return run.items.filter(done_at__isnull=False).order_by("id")


_FIGURES = {
    "done": Count("id", filter=Q(done_at__isnull=False, code="")),
    "refused": Count("id", filter=~Q(code="")),
    "settled": Coalesce(Sum("settled"), 0),
    "refunded": Coalesce(Sum("refunded"), 0),
}


def _worked(rows: Sequence[tuple[UUID, UUID]]) -> int:
    queues = dict(QueueItem.objects.filter(id__in=[item_id for _, item_id in rows]).values_list("id", "performer_id"))
    worked = 0
    busy: set[UUID | None] = set()
    for row_id, item_id in rows:
        performer_id = queues.get(item_id)
        if len(busy) >= MAX_BUSY_QUEUES:
            break
        if performer_id not in busy:
            try:
                worked += _work(row_id, item_id)
            except _Busy as error:
                log.warning("run_item_waits", run_item=str(row_id), why=str(error))
                busy.add(performer_id)
    return worked


def _work(row_id: UUID, item_id: UUID) -> int:
    """Give one row its result; 0 if another worker has the row. Raises _Busy if it has no result yet."""
    try:
        return db.command(lambda: _give_result(row_id), before=Gate.of_items([item_id]).before_command)
    except DomainError as refusal:
        if refusal.kind == Kind.UNAVAILABLE:
            raise _Busy(refusal.code) from refusal
        code = refusal.code
    except OperationalError as error:  # a deadlock, tried three times
        raise _Busy(type(error.__cause__).__name__) from error
    except Exception:  # a defect is this item's result: the other items and the sweeper go on
        log.exception("run_item_failed", run_item=str(row_id))
        code = InternalError.code
    return RunItem.objects.filter(pk=row_id, done_at=None).update(code=code, done_at=CoreNow())


def _give_result(row_id: UUID) -> int:
    """Lock the row like a key, then act; both are written together. 0: another worker has it."""
    open_rows = RunItem.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
    row = open_rows.select_related("run__actor").filter(pk=row_id, done_at=None).first()
    if row is None:
        return 0
    item = _act(row.run, row.item_id)
    return RunItem.objects.filter(pk=row_id).update(
        settled=item.settle_tokens or 0, refunded=item.refund_tokens or 0, done_at=CoreNow()
    )


def _act(run: Run, item_id: UUID) -> ItemFacts:
    actor, reason = run.actor, run.reason
    if not actor.is_active or actor.role not in SUPPORT_ROLES:  # by the roles of now, not of when the run was opened
        raise Forbidden
    item = item_for(item_id)
    if item.state not in OPEN_STATES:
        raise InvalidTransition(state=item.state)
    match run.action:
        case RunAction.REFUND:
            return refund(item_id=item_id, actor=actor, reason=reason)
        case RunAction.SPLIT if item.state == State.STARTED:
            return finish(item_id=item_id, actor=actor, settle=run.settle, reason=reason)
    return resolve(item_id=item_id, actor=actor, settle=run.settle, reason=reason)
