"""What staff decide about money: grants, corrections, write-offs, payouts. Large ones need a second person's word.

Above `FOUR_EYES_TOKENS` nothing moves: an approval is written, and another member of staff decides it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from core import db
from core.clock import CoreNow
from core.errors import NotFound, ValidationFailed
from core.ids import new_id
from escrow.errors import (
    ApprovalClosed,
    InsufficientBalance,
    NothingLeftToTake,
    NotUndone,
    PayoutTooSmall,
    SameApprover,
)
from escrow.models import Approval, ApprovalKind, ApprovalStatus, Currency, House, Operation, Payout, Wallet
from escrow.services.calling import refusal
from escrow.services.movements import (
    PayoutDecision,
    PayoutRequest,
    Reversal,
    WriteOff,
    decide_payouts,
    request_payouts,
    reverse_many,
    write_off_many,
)
from escrow.services.operations import Deposit, deposit


@dataclass(frozen=True)
class Decision:
    """What became of a wish: done (`operation_id`, or the payout), or waiting for a second person (`approval`)."""

    operation_id: UUID | None = None
    approval: Approval | None = None
    payout: Payout | None = None


def grant(*, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User) -> Decision:
    """Give tokens or points from `mint`. Locks the wallet.

    Raises:
        ValidationFailed (no reason), WalletUnknown, WalletFrozen: nothing was written.
    """
    return _decide(ApprovalKind.GRANT, owner_id, currency, amount, reason, actor)


def write_off(*, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User) -> Decision:
    """Give up what somebody owes; it becomes a loss of the house. Locks the wallet.

    Raises:
        ValidationFailed (no reason), WalletUnknown, InsufficientBalance (more than is owed): nothing was written.
    """
    return _decide(ApprovalKind.WRITE_OFF, owner_id, currency, amount, reason, actor)


def correct(*, operation_id: UUID, reason: str, actor: User) -> Decision:
    """Undo an operation by its opposite, once for ever. What it moved decides whether a second person is needed.

    Asked for again while that person is awaited, it answers the same approval. Locks the operation's name (advisory),
    then the wallets.

    Raises:
        ValidationFailed (no reason), NotFound, NotUndone, NothingLeftToTake: nothing was written.
    """
    with db.joined():
        db.lock_name(f"escrow.operation:{operation_id}")
        found = db.rows(MOVED, [operation_id])
        if not found:
            raise NotFound
        whom, amount = found[0]["owner"], found[0]["amount"]
        if whom is None or not amount or Operation.objects.filter(reverses_id=operation_id).exists():
            raise NotUndone
        waiting = Approval.objects.filter(reverses_id=operation_id, status=ApprovalStatus.OPEN).first()
        if waiting is not None:
            return Decision(approval=waiting)
        currency = Currency(found[0]["currency"])
        return _decide(ApprovalKind.CORRECTION, whom, currency, amount, reason, actor, reverses_id=operation_id)


MOVED = """
SELECT (SELECT w.owner_id FROM escrow_entry x JOIN escrow_wallet w ON w.id = x.wallet_id
         WHERE x.operation_id = o.id ORDER BY x.line LIMIT 1) AS owner,
       max(e.currency) AS currency,
       (sum(abs(e.d_available + e.d_held + e.d_earned - e.d_owed)) / 2)::bigint AS amount
  FROM escrow_operation o JOIN escrow_entry e ON e.operation_id = o.id
 WHERE o.id = %s GROUP BY o.id
"""


def ask_payout(*, performer_id: UUID, amount: int, actor: User) -> Payout:
    """A performer's earned tokens leave for `payouts` at once. Locks her wallet.

    Raises:
        PayoutTooSmall, InsufficientBalance, WalletFrozen, WalletUnknown: nothing was written.
    """
    asked = PayoutRequest(new_id(), str(new_id()), performer_id, amount, actor.pk)
    (done,) = request_payouts([asked], minimum=settings.PAYOUT_MINIMUM)
    if done.code == PayoutTooSmall.code:
        raise PayoutTooSmall(minimum=settings.PAYOUT_MINIMUM, amount=amount)
    if done.code == InsufficientBalance.code:
        raise InsufficientBalance(needed=amount, available=done.earned, currency=Currency.TOKEN.value)
    if done.code is not None:
        raise refusal(done.code)
    return Payout.objects.get(pk=asked.payout_id)


def decide_payout(*, payout_id: UUID, approve: bool, reason: str, actor: User) -> Decision:
    """Let a payout go, or move it back to `earned` (with a reason). A large one goes by two persons' word.

    Locks the payout's name (advisory), then an open approval of it, the payout and the wallet.

    Raises:
        NotFound, ApprovalClosed, SameApprover, ValidationFailed (rejected without a reason): nothing was written.
    """
    if not approve:
        _assert_reason(reason)
    with db.joined():
        db.lock_name(f"escrow.payout:{payout_id}")
        payout = Payout.objects.filter(pk=payout_id).first()
        if payout is None:
            raise NotFound
        waiting = Approval.objects.select_for_update(no_key=True).filter(payout=payout, status=ApprovalStatus.OPEN)
        approval = waiting.first()
        if approve and approval is not None:
            decide(approval_id=approval.pk, approve=True, reason=reason, actor=actor)
        elif approve and payout.amount > settings.FOUR_EYES_TOKENS and payout.decided_at is None:
            return Decision(approval=_ask(_payout_facts(payout), reason or "payout", actor))
        else:
            _carry_out_payout(payout.pk, actor, reason, approve=approve)
            if approval is not None:
                _close(approval, ApprovalStatus.REJECTED, actor, reason)
        return Decision(payout=Payout.objects.get(pk=payout_id))


def decide(*, approval_id: UUID, approve: bool, reason: str, actor: User) -> Approval:
    """Carry out what an approval asks for, or turn it down. Locks the approval, then the wallets.

    Whoever asked may take it back, not approve it. A rejected approval of a payout leaves the payout as it is.

    Raises:
        NotFound, ApprovalClosed, SameApprover, or the refusal of the movement itself: the approval stays open.
    """
    with db.joined():
        approval = Approval.objects.select_for_update(no_key=True).filter(pk=approval_id).first()
        if approval is None:
            raise NotFound
        if approval.status != ApprovalStatus.OPEN:
            raise ApprovalClosed
        if approve and approval.requested_by_id == actor.pk:
            raise SameApprover
        done = _carry_out(approval, actor) if approve else None
        return _close(approval, ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED, actor, reason, done)


def approvals() -> "QuerySet[Approval]":
    """Everything that needed or needs a second person, to be filtered and paged."""
    return Approval.objects.select_related("user", "requested_by", "decided_by")


def payouts(performer_id: UUID | None = None) -> "QuerySet[Payout]":
    """Payouts, all or one performer's, to be filtered and paged."""
    found = Payout.objects.select_related("performer")
    return found if performer_id is None else found.filter(performer_id=performer_id)


def _decide(
    kind: ApprovalKind, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User, **more: Any
) -> Decision:
    _assert_reason(reason)
    facts = {"kind": kind, "user_id": owner_id, "currency": currency, "amount": amount, **more}
    with db.joined():
        if not Wallet.objects.filter(owner_id=owner_id, currency=currency).exists():
            raise NotFound
        if amount > settings.FOUR_EYES_TOKENS:
            return Decision(approval=_ask(facts, reason, actor))
        wish = Approval(reason=reason, requested_by=actor, **facts)
        return Decision(operation_id=_carry_out(wish, actor))


def _ask(facts: dict[str, Any], reason: str, actor: User) -> Approval:
    return Approval.objects.create(reason=reason, requested_by=actor, **facts)


def _carry_out(approval: Approval, actor: User) -> UUID | None:
    """The movement that an approval (stored or not) asks for; its operation, None for a payout."""
    if approval.kind == ApprovalKind.PAYOUT:
        assert approval.payout_id is not None  # noqa: S101  the table's own constraint
        _carry_out_payout(approval.payout_id, actor, approval.reason, approve=True)
        return None
    if approval.kind == ApprovalKind.GRANT:
        return _granted(approval, actor)
    if approval.kind == ApprovalKind.WRITE_OFF:
        return _written_off(approval, actor)
    return _corrected(approval, actor)


def _granted(approval: Approval, actor: User) -> UUID:
    return deposit(
        Deposit(
            f"grant:{approval.pk}",
            approval.user_id,
            Currency(approval.currency),
            approval.amount,
            House.MINT,
            actor.pk,
            approval.reason,
        )
    ).operation_id


def _written_off(approval: Approval, actor: User) -> UUID | None:
    wish = WriteOff(
        str(approval.pk),
        approval.user_id,
        Currency(approval.currency),
        approval.amount,
        actor.pk,
        approval.reason,
    )
    (done,) = write_off_many([wish])
    if done.code == InsufficientBalance.code:
        raise InsufficientBalance(needed=approval.amount, available=done.owed, currency=approval.currency)
    if done.code is not None:
        raise refusal(done.code)
    return done.operation_id


def _corrected(approval: Approval, actor: User) -> UUID | None:
    assert approval.reverses_id is not None  # noqa: S101  the table's own constraint
    (done,) = reverse_many([Reversal(approval.reverses_id, actor.pk, approval.reason)])
    if done.code == InsufficientBalance.code:
        raise NothingLeftToTake
    if done.code is not None:
        raise refusal(done.code)
    if done.replayed:
        raise NotUndone
    return done.operation_id


def _carry_out_payout(payout_id: UUID, actor: User, reason: str, *, approve: bool) -> None:
    (done,) = decide_payouts([PayoutDecision(payout_id, approve, actor.pk, reason)])
    if done.code is not None or done.replayed:
        raise ApprovalClosed if done.replayed else refusal(done.code or "")


def _close(approval: Approval, status: str, actor: User, reason: str, result_id: UUID | None = None) -> Approval:
    approval.status, approval.decided_by, approval.decided_at = status, actor, CoreNow()
    approval.decision_reason, approval.result_id = reason, result_id
    approval.save(update_fields=["status", "decided_by", "decided_at", "decision_reason", "result"])
    return Approval.objects.select_related("user", "requested_by", "decided_by").get(pk=approval.pk)


def _payout_facts(payout: Payout) -> dict[str, Any]:
    return {
        "kind": ApprovalKind.PAYOUT,
        "user_id": payout.performer_id,
        "currency": Currency.TOKEN,
        "amount": payout.amount,
        "payout": payout,
    }


def _assert_reason(reason: str) -> None:
    if not reason.strip():
        raise ValidationFailed(reason=["A reason is needed."])
