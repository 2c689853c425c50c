"""T0: a feature's paid request enters the queue, or is finished at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

import escrow.services
import live.services
from accounts.models import User
from core import db
from core.db import constraint_of
from core.errors import Forbidden, IdempotencyKeyReused, Refused
from escrow.errors import HoldClosed, HoldMismatch
from escrow.services import Award, Currency, HoldStatus, HoldView
from perfqueue.errors import QueueClosed, QueueFull, QueuePaused, UserQueueLimit
from perfqueue.models import Fulfilment, QueueItem, State, Step, Transition, columns_of
from perfqueue.services import events, transitions
from perfqueue.services.facts import ItemFacts
from perfqueue.services.queues import LockedQueue, due_notice

AWARDING_FEATURES = frozenset({"slots"})  # the features that may have points paid from `slots_bank`


@dataclass(frozen=True)
class Intake:
    """One paid request. The hold is open, unused and the payer's; its amount is `tokens` of `currency`.

    A performed item waits in the performer's queue; an instant one is finished and settled at once and may carry an
    `award` in points, if the feature is one of ours that may, or the caller has checked that this one may
    (`may_award`). `announce`: the feature's own events, stored with the item's. `metadata` holds ids only.
    """

    idempotency_key: str
    source_feature: str
    source_event_id: str
    performer_id: UUID | None
    user_id: UUID
    hold_id: UUID
    tokens: int
    currency: str
    title: str
    description: str = ""
    duration_s: int | None = None
    fulfilment: str = Fulfilment.PERFORMED
    award: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    may_award: bool = False
    announce: tuple[live.services.Event, ...] = ()


@dataclass(frozen=True)
class IntakeResult:
    """The item of an intake.

    `position`: 1 is the head; None for an instant item. `available`: the payer's balance in the hold's
    currency after settlement and award of an instant item, None for a performed one.
    """

    item: ItemFacts
    position: int | None
    available: int | None


def intake(payload: Intake, *, actor: User | None, queue: LockedQueue | None = None) -> IntakeResult:
    """Take one request. A performed item needs its performer's locked `queue`; an instant one takes no queue lock.

    Locks the hold (and, for an instant item, wallets). Joins the caller's transaction.

    Raises:
        QueueClosed, QueuePaused, QueueFull, UserQueueLimit, HoldClosed (also: used by another item), HoldMismatch,
        IdempotencyKeyReused, Forbidden (blocked by the performer, or an award that is not this feature's to send):
        roll the hold back too.
    """
    if payload.fulfilment == Fulfilment.INSTANT:
        return intake_many([payload], actor=actor)[0]
    if queue is None or queue.performer_id != payload.performer_id:
        raise RuntimeError("A performed item enters under the lock of its performer's queue.")
    with db.joined():
        return _join(payload, queue, actor)


def intake_many(payloads: Sequence[Intake], *, actor: User | None) -> list[IntakeResult]:
    """Finish, settle and pay the awards of instant items, all in the caller's transaction (at most 5 statements).

    Raises:
        HoldClosed, HoldMismatch, IdempotencyKeyReused, Forbidden, or the ledger's refusal: nothing was written.
    """
    with db.joined():
        holds, now = escrow.services.lock_holds([p.hold_id for p in payloads], lift_expiry=False)
        items = []
        for payload in payloads:
            hold = holds[payload.hold_id]
            _assert_fits(payload, hold, now)
            item = _item(payload, now=now, fee_bps=_fee_for(hold.payee_id))
            item.start(now=now, deadline_at=None)
            item.finish(now=now, settle=item.tokens, refund=0)
            items.append(item)
        _store(items, transitions.rows_of(items, actor=actor))
        available = transitions.close_holds(items, actor=actor) | _award(items, actor)
        live.services.emit([*events.of_steps(items), *(e for p in payloads for e in p.announce)])
    return [IntakeResult(ItemFacts.of(item), None, available[item.id]) for item in items]


def _join(payload: Intake, queue: LockedQueue, actor: User | None) -> IntakeResult:
    holds, now = escrow.services.lock_holds([payload.hold_id], lift_expiry=True)
    _assert_fits(payload, holds[payload.hold_id], now)
    state = _queue_state(queue, payload)
    queue.set_now(state["now"])
    _assert_room(queue, state)
    row = queue.row
    item = _item(payload, now=queue.now, fee_bps=_fee_of(row.performer))
    item.turn = row.next_turn
    item.max_wait_at = queue.now + timedelta(seconds=row.max_wait_s)
    position = state["waiting"] + 1
    if position == 1 and queue.rope_drop_runs(has_started=state["has_started"]):
        item.rope_drop_at = queue.now + timedelta(seconds=row.rope_drop_s)
    notice = due_notice(item, position)
    _store([item], transitions.rows_of([item], actor=actor))
    row.next_turn += 1
    live.services.emit([*events.of_steps([item]), *([notice] if notice else []), *payload.announce])
    return IntakeResult(ItemFacts.of(item), position, None)


QUEUE_STATE = """
SELECT core_now() AS now,
       count(*) FILTER (WHERE state = 'created') AS waiting,
       count(*) FILTER (WHERE state IN ('created', 'started') AND user_id = %(user)s) AS mine,
       count(*) FILTER (WHERE state = 'started') > 0 AS has_started,
       EXISTS (SELECT 1 FROM perfqueue_block b WHERE b.performer_id = %(performer)s AND b.user_id = %(user)s) AS blocked
  FROM perfqueue_queueitem
 WHERE performer_id = %(performer)s AND state IN ('created', 'started', 'abandoned') AND turn IS NOT NULL
"""


def _queue_state(queue: LockedQueue, payload: Intake) -> dict[str, Any]:
    return db.rows(QUEUE_STATE, {"user": payload.user_id, "performer": queue.performer_id})[0]


def _assert_room(queue: LockedQueue, state: dict[str, Any]) -> None:
    row = queue.row
    if not row.is_open:
        raise QueueClosed
    if row.is_paused:
        raise QueuePaused
    if state["waiting"] >= row.depth:
        raise QueueFull(depth=state["waiting"], maxDepth=row.depth)
    if state["mine"] >= row.user_cap:
        raise UserQueueLimit(open=state["mine"], cap=row.user_cap)
    if state["blocked"]:
        raise Forbidden


def _assert_fits(payload: Intake, hold: HoldView, now: datetime) -> None:
    performed = payload.fulfilment == Fulfilment.PERFORMED
    if payload.award and (performed or not (payload.may_award or payload.source_feature in AWARDING_FEATURES)):
        raise Forbidden
    expired = hold.expires_at is not None and hold.expires_at <= now  # also before the sweeper has ended it
    if hold.status != HoldStatus.HELD or expired:
        raise HoldClosed
    differing = {
        "userId": hold.payer_id != payload.user_id,
        "tokens": hold.amount != payload.tokens,
        "currency": hold.currency != payload.currency or (performed and hold.currency != Currency.TOKEN),
        "performerId": performed and hold.payee_id != payload.performer_id,
    }
    for name, differs in differing.items():
        if differs:
            raise HoldMismatch(field=name)


def _item(payload: Intake, *, now: datetime, fee_bps: int) -> QueueItem:
    item = QueueItem(
        performer_id=payload.performer_id,
        user_id=payload.user_id,
        hold_id=payload.hold_id,
        tokens=payload.tokens,
        currency=payload.currency,
        title=payload.title,
        description=payload.description,
        duration_s=payload.duration_s,
        fulfilment=payload.fulfilment,
        source_feature=payload.source_feature,
        idempotency_key=payload.idempotency_key,
        source_event_id=payload.source_event_id,
        metadata=dict(payload.metadata),
        award=payload.award,
        fee_bps=fee_bps,
        created_at=now,
    )
    item.steps.append(Step("", State.CREATED, now))
    return item


def _fee_for(payee_id: UUID | None) -> int:
    """The fee of what is settled to this payee, in basis points; nothing to read when the house is paid."""
    if payee_id is None:
        return 0
    return _fee_of(User.objects.select_related("performer_profile").get(pk=payee_id))


def _fee_of(performer: User) -> int:
    """The performer's own fee, else the platform's, in basis points."""
    profile = getattr(performer, "performer_profile", None)
    own: int | None = profile.fee_bps if profile else None
    return int(settings.PLATFORM_FEE_BPS) if own is None else own


def _award(items: Sequence[QueueItem], actor: User | None) -> dict[UUID, int]:
    awards = [
        Award(str(item.id), item.user_id, item.award, item.hold_id, actor.pk if actor else None)
        for item in items
        if item.award
    ]
    if not awards:
        return {}
    paid = escrow.services.award_many(awards)
    for each in paid:
        if each.code is not None:
            raise escrow.services.refusal(each.code)
    winners = [item.id for item in items if item.award]
    return {item_id: each.available for item_id, each in zip(winners, paid, strict=True)}


REFUSAL_BY_CONSTRAINT: dict[str, type[Refused]] = {
    "perfqueue_queueitem_hold_id_key": HoldClosed,
    "perfqueue_intake_once": IdempotencyKeyReused,
}


def _store(items: Sequence[QueueItem], steps: Sequence[Transition]) -> None:
    """Write new items with their first steps (one statement). Constraints refuse a used hold or key."""
    columns = [[columns_of(row) for row in rows] for rows in (items, steps)]
    try:
        db.rows("SELECT perfqueue_store(%s::jsonb, %s::jsonb)", [json.dumps(each, default=str) for each in columns])
    except IntegrityError as error:
        refusal = REFUSAL_BY_CONSTRAINT.get(constraint_of(error))
        if refusal is None:
            raise
        raise refusal from error
