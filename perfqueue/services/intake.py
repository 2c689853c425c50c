"""T0: a feature's paid request enters the queue, or is finished at once."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import Exists, OuterRef

import escrow.services
import live.services
from accounts.models import User
from core import db
from core.batches import Statement
from core.context import request_id
from core.db import constraint_of
from core.errors import Forbidden, IdempotencyKeyReused, NotFound, Refused
from escrow.errors import HoldClosed, HoldMismatch
from escrow.services import Award, Currency, HoldStatus, HoldView
from perfqueue.models import Block, Fulfilment, QueueItem, State, Step, Transition, columns_of
from perfqueue.services import events, transitions
from perfqueue.services.facts import ItemFacts
from perfqueue.services.joined import created_event, joined, store_joined
from perfqueue.services.lines import Asked, places_of
from perfqueue.services.payloads import Intake, IntakeResult
from perfqueue.services.queues import LockedQueue

AWARDING_FEATURES = frozenset({"slots"})  # the features that may have points paid from `slots_bank`


def intake(payload: Intake, *, actor: User | None, queue: LockedQueue | None = None) -> IntakeResult:
    """Take one request. A performed item needs its performer's locked `queue`; an instant one takes no queue lock.

    Locks the hold (and, for an instant item, wallets). Joins the caller's transaction.

    Raises:
        NotFound (the performer is deactivated), QueueClosed, QueuePaused, QueueFull, UserQueueLimit, HoldClosed (also:
        used by another item), HoldMismatch, IdempotencyKeyReused, Forbidden (blocked by the performer, or an award
        that is not this feature's to send): roll the hold back too.
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
        HoldClosed, HoldMismatch, IdempotencyKeyReused, NotFound (the payee is deactivated), Forbidden (or has blocked
        the buyer), or the ledger's refusal: nothing was written.
    """
    with db.joined():
        holds, now = escrow.services.lock_holds([p.hold_id for p in payloads], lift_expiry=False)
        items = []
        for payload in payloads:
            hold = holds[payload.hold_id]
            _assert_fits(payload, hold, now)
            item = _item(payload, now=now, fee_bps=_fee_for(payload, hold.payee_id))
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
    asked = Asked(PAIR, {"performer": queue.performer_id, "buyer": payload.user_id})
    reading = asked.read()
    with connection.cursor() as cursor:
        cursor.execute(reading.sql, reading.params)
        (place,) = places_of(cursor.fetchall()).values()
    item, position, notice = joined(payload, place, actor_id=actor.pk if actor else None, request_id=request_id())
    queue.set_now(item.created_at)
    _run(store_joined([item]))
    queue.row.next_turn = place.line.next_turn
    live.services.emit([created_event(item), *([notice] if notice else []), *payload.announce])
    return IntakeResult(item.facts, position, None)


PAIR = "SELECT 1 AS place, %(performer)s::uuid AS performer_id, %(buyer)s::uuid AS buyer_id"


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


def _fee_for(payload: Intake, payee_id: UUID | None) -> int:
    """The fee of what is settled to this payee, in basis points; nothing to read when the house is paid.

    Raises:
        NotFound: the payee is deactivated; Forbidden: the payee has blocked the buyer.
    """
    if payee_id is None:
        return 0
    people = User.objects.select_related("performer_profile").annotate(has_blocked=blocked(payload.user_id))
    payee = people.get(pk=payee_id)
    if not payee.is_active:
        raise NotFound
    if payee.has_blocked:
        raise Forbidden
    return _fee_of(payee)


def blocked(user_id: UUID) -> Exists:
    """Whether the performer, a row of people, has blocked this buyer."""
    return Exists(Block.objects.filter(performer_id=OuterRef("pk"), user_id=user_id))


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
    _run(Statement("SELECT perfqueue_store(%s::jsonb, %s::jsonb)", [json.dumps(each, default=str) for each in columns]))


def _run(storing: Statement) -> None:
    try:
        db.rows(storing.sql, storing.params)
    except IntegrityError as error:
        refusal = REFUSAL_BY_CONSTRAINT.get(constraint_of(error))
        if refusal is None:
            raise
        raise refusal from error
