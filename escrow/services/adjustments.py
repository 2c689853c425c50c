"""Reversals, chargebacks, write-offs, payouts and repairs. Each is one call of an SQL function over a list.

All join the caller's transaction, or open one. Amounts are whole tokens or points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.errors import NotFound
from core.ids import new_id
from escrow.errors import NotRepairable
from escrow.models import Currency
from escrow.services.calling import call, fingerprint


@dataclass(frozen=True)
class Reversal:
    """Reverse an operation by its opposite. The operation is the key: it is reversed at most once."""

    operation_id: UUID
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class WriteOff:
    """Cancel `amount` of what is `owed`; the house books it as a loss."""

    key: str
    owner_id: UUID
    currency: Currency
    amount: int
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class PayoutRequest:
    """Move `amount` earned tokens of a performer to `payouts`."""

    payout_id: UUID
    key: str
    performer_id: UUID
    amount: int
    actor_id: UUID | None = None


@dataclass(frozen=True)
class PayoutDecision:
    """Approve a payout, or reject it, which moves it back to `earned`."""

    payout_id: UUID
    approve: bool
    actor_id: UUID
    reason: str = ""


@dataclass(frozen=True)
class Repair:
    """Set a wallet's row back to the balances of its last entry."""

    wallet_id: UUID
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class AdjustmentResult:
    """Result of one element. `operation_id`: what was written (None: nothing was), the first one if replayed."""

    code: str | None
    operation_id: UUID | None
    replayed: bool = False


@dataclass(frozen=True)
class ChargebackResult(AdjustmentResult):
    """`taken`: debited from the wallet; `owed`: booked as a debt."""

    taken: int = 0
    owed: int = 0


@dataclass(frozen=True)
class WriteOffResult(AdjustmentResult):
    """`owed`: the debt that remains."""

    owed: int = 0


@dataclass(frozen=True)
class PayoutResult(AdjustmentResult):
    """`payout_id`: the payout, the first one if replayed. `earned`: the balance that remains."""

    payout_id: UUID | None = None
    earned: int = 0


def reverse_many(reversals: Sequence[Reversal]) -> list[AdjustmentResult]:
    """Reverse deposits, awards, settlements, splits, chargebacks or write-offs.

    A chargeback's order is paid again and its disputes are won; write-offs that settled its debt are undone with it.
    Locks the orders, then the wallets, in id order.

    Codes: NOT_FOUND, INVALID_TRANSITION (another kind, or reversed already), KEPT_ELSEWHERE (points of
    RedRoomRewards), INSUFFICIENT_BALANCE (a wallet has less than it gained: nothing is taken).
    """
    return [_result(row) for row in _reverse("escrow_reverse", "reverse", reversals)]


def chargeback_many(reversals: Sequence[Reversal]) -> list[ChargebackResult]:
    """Take deposits back as far as `available` and `earned` allow; the rest is `owed`. Their orders are charged back.

    A deposit that was charged back is a replay; once that was undone, it is taken back again. Locks the orders, then
    the wallets, in id order. Codes: NOT_FOUND, INVALID_TRANSITION (no deposit, or undone by a correction),
    KEPT_ELSEWHERE (points of RedRoomRewards).
    """
    return [
        ChargebackResult(row["code"], row["operation"], row["replayed"], row["taken"] or 0, row["owed"] or 0)
        for row in _reverse("escrow_chargeback", "chargeback", reversals)
    ]


def write_off_many(requests: Sequence[WriteOff]) -> list[WriteOffResult]:
    """Cancel debts as losses of the house. Locks the wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, INSUFFICIENT_BALANCE (more than is owed).
    """
    rows = call(
        "escrow_write_off",
        operation=[new_id() for _ in requests],
        scope=["write_off" for _ in requests],
        key=[r.key for r in requests],
        fingerprint=[fingerprint(r.owner_id, r.currency, r.amount) for r in requests],
        owner=[r.owner_id for r in requests],
        currency=[r.currency.value for r in requests],
        amount=[r.amount for r in requests],
        actor=[r.actor_id for r in requests],
        reason=[r.reason for r in requests],
    )
    return [WriteOffResult(row["code"], row["operation"], row["replayed"], row["owed"] or 0) for row in rows]


def request_payouts(requests: Sequence[PayoutRequest], *, minimum: int) -> list[PayoutResult]:
    """Move earned tokens to `payouts`, at least `minimum` each, and write the payouts. Locks the wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, PAYOUT_TOO_SMALL, INSUFFICIENT_BALANCE.
    """
    rows = call(
        "escrow_payout",
        operation=[new_id() for _ in requests],
        scope=["payout" for _ in requests],
        key=[r.key for r in requests],
        fingerprint=[fingerprint(r.performer_id, r.amount) for r in requests],
        payout=[r.payout_id for r in requests],
        owner=[r.performer_id for r in requests],
        amount=[r.amount for r in requests],
        minimum=minimum,
        actor=[r.actor_id for r in requests],
    )
    return [
        PayoutResult(row["code"], row["operation"], row["replayed"], row["payout"], row["earned"] or 0) for row in rows
    ]


def decide_payouts(decisions: Sequence[PayoutDecision]) -> list[AdjustmentResult]:
    """Approve payouts, or reject them, which moves them back to `earned`. Locks the payouts, then the wallets.

    The same decision by the same person again is a replay. Codes: NOT_FOUND, APPROVAL_CLOSED (decided otherwise).
    """
    rows = call(
        "escrow_decide_payout",
        operation=[new_id() for _ in decisions],
        payout=[d.payout_id for d in decisions],
        approve=[d.approve for d in decisions],
        actor=[d.actor_id for d in decisions],
        reason=[d.reason for d in decisions],
    )
    return [_result(row) for row in rows]


def repair_many(repairs: Sequence[Repair]) -> list[AdjustmentResult]:
    """Restore the balances of each wallet's last entry to a row that was changed from outside. Locks the wallets.

    Codes: NOT_FOUND, INVALID_TRANSITION (nothing to repair, or its version was changed too).
    """
    rows = call(
        "escrow_repair",
        operation=[new_id() for _ in repairs],
        wallet=[r.wallet_id for r in repairs],
        actor=[r.actor_id for r in repairs],
        reason=[r.reason for r in repairs],
    )
    return [AdjustmentResult(row["code"], row["operation"]) for row in rows]


def repair(*, wallet_id: UUID, actor_id: UUID, reason: str) -> AdjustmentResult:
    """Restore one wallet to its last entry. Locks it.

    Raises:
        NotFound, NotRepairable: nothing was written.
    """
    (result,) = repair_many([Repair(wallet_id, actor_id, reason)])
    if result.code == NotFound.code:
        raise NotFound
    if result.code is not None:
        raise NotRepairable
    return result


def _reverse(function: str, scope: str, reversals: Sequence[Reversal]) -> list[dict[str, Any]]:
    return call(
        function,
        operation=[new_id() for _ in reversals],
        scope=[scope for _ in reversals],
        key=[str(r.operation_id) for r in reversals],
        fingerprint=[fingerprint(r.operation_id) for r in reversals],
        reverses=[r.operation_id for r in reversals],
        actor=[r.actor_id for r in reversals],
        reason=[r.reason for r in reversals],
    )


def _result(row: dict[str, Any]) -> AdjustmentResult:
    return AdjustmentResult(row["code"], row["operation"], row["replayed"])
