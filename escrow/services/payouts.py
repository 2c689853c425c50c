"""Payouts: a performer's earned tokens leave for `payouts` at once; staff approve them or send them back."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet, Sum

from accounts.models import User
from core.ids import new_id
from escrow.errors import ApprovalClosed, PayoutTooSmall
from escrow.models import Currency, Payout, PayoutStatus
from escrow.services.adjustments import PayoutDecision, PayoutRequest, decide_payouts, request_payouts
from escrow.services.calling import refusal


@dataclass(frozen=True)
class PayoutView:
    """A payout as other apps read it. `reason` is the decision's, "" before it."""

    id: UUID
    performer_id: UUID
    amount: int
    status: str
    reason: str
    requested_at: datetime
    decided_at: datetime | None


def request_payout(*, performer_id: UUID, amount: int, actor: User) -> PayoutView:
    """Move a performer's earned tokens to `payouts` and return the new payout. Locks her wallet.

    Raises:
        PayoutTooSmall, InsufficientBalance, WalletFrozen, WalletUnknown: nothing was written.
    """
    request = PayoutRequest(new_id(), str(new_id()), performer_id, amount, actor.pk)
    (result,) = request_payouts([request], minimum=settings.PAYOUT_MINIMUM)
    if result.code == PayoutTooSmall.code:
        raise PayoutTooSmall(minimum=settings.PAYOUT_MINIMUM, amount=amount)
    if result.code is not None:
        raise refusal(result.code, needed=amount, available=result.earned, currency=Currency.TOKEN.value)
    return payout_by_id(request.payout_id)


def payout_by_id(payout_id: UUID) -> PayoutView:
    """One payout that exists (one statement)."""
    return PayoutView(**Payout.objects.values(*PayoutView.__dataclass_fields__).get(pk=payout_id))


def list_payouts(performer_id: UUID | None = None) -> "QuerySet[Payout]":
    """Payouts, all or one performer's, to be filtered and paged."""
    payouts = Payout.objects.select_related("performer")
    return payouts if performer_id is None else payouts.filter(performer_id=performer_id)


def pending_payouts(performer_id: UUID) -> int:
    """The sum of a performer's payouts that are not decided yet, in tokens (one statement)."""
    pending = Payout.objects.filter(performer_id=performer_id, status=PayoutStatus.REQUESTED)
    return int(pending.aggregate(total=Sum("amount"))["total"] or 0)


def apply_decision(payout_id: UUID, actor: User, reason: str, *, approve: bool) -> None:
    """Approve or reject a payout. Locks it, then the wallet.

    Raises:
        NotFound, ApprovalClosed (decided already): nothing was written.
    """
    (result,) = decide_payouts([PayoutDecision(payout_id, approve, actor.pk, reason)])
    if result.replayed:
        raise ApprovalClosed
    if result.code is not None:
        raise refusal(result.code)
