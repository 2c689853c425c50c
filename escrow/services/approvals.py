"""Grants, corrections, write-offs and payouts that staff decide, under the four-eyes rule.

Above `FOUR_EYES_TOKENS` nothing moves: an open approval is written, and a second member of staff decides it.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from core import db
from core.clock import CoreNow
from core.errors import NotFound, assert_reason
from escrow.errors import (
    ApprovalClosed,
    InsufficientBalance,
    KeptElsewhere,
    NothingLeftToTake,
    NotReversible,
    SameApprover,
)
from escrow.models import Approval, ApprovalKind, ApprovalStatus, Currency, House, Payout, Wallet
from escrow.services.adjustments import Reversal, WriteOff, reverse_many, write_off_many
from escrow.services.calling import refusal
from escrow.services.operations import Deposit, deposit
from escrow.services.payouts import PayoutView, apply_decision, payout_by_id


@dataclass(frozen=True)
class Decision:
    """The result of a request of staff: done (`operation_id`, or the payout), or an approval that is open."""

    operation_id: UUID | None = None
    approval: Approval | None = None
    payout: PayoutView | None = None


def grant(*, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User) -> Decision:
    """Credit tokens or points from `mint`. Locks the wallet.

    Raises:
        ValidationFailed (no reason), WalletUnknown, WalletFrozen: nothing was written.
    """
    return _request(ApprovalKind.GRANT, owner_id, currency, amount, reason, actor)


def write_off(*, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User) -> Decision:
    """Cancel a part of what a wallet owes; the house books it as a loss. Locks the wallet.

    Raises:
        ValidationFailed (no reason), WalletUnknown, InsufficientBalance (more than is owed): nothing was written.
    """
    return _request(ApprovalKind.WRITE_OFF, owner_id, currency, amount, reason, actor)


def correct(*, operation_id: UUID, reason: str, actor: User) -> Decision:
    """Reverse an operation by its opposite, at most once. The amount it moved decides whether approval is needed.

    Repeated while its approval is open, it returns the same approval. To undo a chargeback undoes the write-offs of its
    debt too, and the order is paid again. Locks the operation's name (advisory), the order, then the wallets.

    Raises:
        ValidationFailed (no reason), NotFound, NotReversible, KeptElsewhere (points of RedRoomRewards),
        NothingLeftToTake: nothing was written.
    """
    with db.joined():
        db.lock_name(f"escrow.operation:{operation_id}")
        found = db.rows(MOVED, [operation_id])
        if not found:
            raise NotFound
        if found[0]["kept_elsewhere"]:
            raise KeptElsewhere
        owner_id, amount = found[0]["owner"], found[0]["amount"]
        if owner_id is None or not amount or not found[0]["stands"]:
            raise NotReversible
        approval = Approval.objects.filter(reverses_id=operation_id, status=ApprovalStatus.OPEN).first()
        if approval is not None:
            return Decision(approval=approval)
        currency = Currency(found[0]["currency"])
        return _request(ApprovalKind.CORRECTION, owner_id, currency, amount, reason, actor, reverses_id=operation_id)


MOVED = """
SELECT (SELECT w.owner_id FROM escrow_entry x JOIN escrow_wallet w ON w.id = x.wallet_id
         WHERE x.operation_id = o.id ORDER BY x.line LIMIT 1) AS owner,
       (SELECT l.stands FROM escrow_latest(o.id) l) AS stands,
       escrow_kept_elsewhere(o.id) AS kept_elsewhere, max(e.currency) AS currency,
       (sum(abs(e.d_available + e.d_held + e.d_earned - e.d_owed)) / 2)::bigint AS amount
  FROM escrow_operation o JOIN escrow_entry e ON e.operation_id = o.id
 WHERE o.id = %s GROUP BY o.id
"""


def decide_payout(*, payout_id: UUID, approve: bool, reason: str, actor: User) -> Decision:
    """Approve a payout, or reject it with a reason, which moves it back to `earned`. A large one needs two people.

    Locks the payout's name (advisory), then an open approval of it, the payout and the wallet.

    Raises:
        NotFound, ApprovalClosed, SameApprover, ValidationFailed (rejected without a reason): nothing was written.
    """
    if not approve:
        assert_reason(reason)
    with db.joined():
        db.lock_name(f"escrow.payout:{payout_id}")
        payout = db.first_or_not_found(Payout.objects.filter(pk=payout_id))
        locked = Approval.objects.select_for_update(no_key=True)
        approval = locked.filter(payout=payout, status=ApprovalStatus.OPEN).first()
        if approve and approval is not None:
            decide(approval_id=approval.pk, approve=True, reason=reason, actor=actor)
        elif approve and payout.amount > settings.FOUR_EYES_TOKENS and payout.decided_at is None:
            return Decision(approval=_open(_fields_of(payout), reason or "payout", actor))
        else:
            apply_decision(payout.pk, actor, reason, approve=approve)
            if approval is not None:
                _close(approval, ApprovalStatus.REJECTED, actor, reason)
        return Decision(payout=payout_by_id(payout_id))


def decide(*, approval_id: UUID, approve: bool, reason: str, actor: User) -> Approval:
    """Approve an approval, which carries it out, or reject it. Locks the approval, then the wallets.

    Who requested it may reject it, not approve it. Rejecting the approval of a payout leaves the payout as it is.

    Raises:
        NotFound, ApprovalClosed, SameApprover, or the refusal of the adjustment itself: the approval stays open.
    """
    with db.joined():
        approval = db.first_or_not_found(Approval.objects.select_for_update(no_key=True).filter(pk=approval_id))
        if approval.status != ApprovalStatus.OPEN:
            raise ApprovalClosed
        if approve and approval.requested_by_id == actor.pk:
            raise SameApprover
        result_id = _carry_out(approval, actor) if approve else None
        status = ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED
        return _close(approval, status, actor, reason, result_id)


def list_approvals() -> "QuerySet[Approval]":
    """All approvals, to be filtered and paged."""
    return Approval.objects.select_related("user", "requested_by", "decided_by")


def _request(
    kind: ApprovalKind, owner_id: UUID, currency: Currency, amount: int, reason: str, actor: User, **more: Any
) -> Decision:
    assert_reason(reason)
    fields = {"kind": kind, "user_id": owner_id, "currency": currency, "amount": amount, **more}
    with db.joined():
        if not Wallet.objects.filter(owner_id=owner_id, currency=currency).exists():
            raise NotFound
        if amount > settings.FOUR_EYES_TOKENS:
            return Decision(approval=_open(fields, reason, actor))
        return Decision(operation_id=_carry_out(Approval(reason=reason, requested_by=actor, **fields), actor))


def _open(fields: dict[str, Any], reason: str, actor: User) -> Approval:
    return Approval.objects.create(reason=reason, requested_by=actor, **fields)


def _carry_out(approval: Approval, actor: User) -> UUID | None:
    """Carry out an approval (stored or not) and return its operation, None for a payout."""
    if approval.kind == ApprovalKind.PAYOUT:
        assert approval.payout_id is not None  # noqa: S101  the table's own constraint
        apply_decision(approval.payout_id, actor, approval.reason, approve=True)
        return None
    if approval.kind == ApprovalKind.GRANT:
        return _granted(approval, actor)
    if approval.kind == ApprovalKind.WRITE_OFF:
        return _written_off(approval, actor)
    return _corrected(approval, actor)


def _granted(approval: Approval, actor: User) -> UUID:
    key, currency = f"grant:{approval.pk}", Currency(approval.currency)
    return deposit(
        Deposit(key, approval.user_id, currency, approval.amount, House.MINT, actor.pk, approval.reason)
    ).operation_id


def _written_off(approval: Approval, actor: User) -> UUID | None:
    currency = Currency(approval.currency)
    (result,) = write_off_many(
        [WriteOff(str(approval.pk), approval.user_id, currency, approval.amount, actor.pk, approval.reason)]
    )
    if result.code is not None:
        raise refusal(result.code, needed=approval.amount, available=result.owed, currency=approval.currency)
    return result.operation_id


def _corrected(approval: Approval, actor: User) -> UUID | None:
    assert approval.reverses_id is not None  # noqa: S101  the table's own constraint
    (result,) = reverse_many([Reversal(approval.reverses_id, actor.pk, approval.reason)])
    if result.code == InsufficientBalance.code:
        raise NothingLeftToTake
    if result.code is not None:
        raise refusal(result.code)
    if result.replayed:
        raise NotReversible
    return result.operation_id


def _close(approval: Approval, status: str, actor: User, reason: str, result_id: UUID | None = None) -> Approval:
    approval.status, approval.decided_by, approval.decided_at = status, actor, CoreNow()
    approval.decision_reason, approval.result_id = reason, result_id
    approval.save(update_fields=["status", "decided_by", "decided_at", "decision_reason", "result"])
    return list_approvals().get(pk=approval.pk)


def _fields_of(payout: Payout) -> dict[str, Any]:
    return {
        "kind": ApprovalKind.PAYOUT,
        "user_id": payout.performer_id,
        "currency": Currency.TOKEN,
        "amount": payout.amount,
        "payout": payout,
    }
