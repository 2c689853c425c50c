"""Movements that people decide: undoing, chargebacks, write-offs, payouts, repairs. Each is one call over a list.

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
from escrow.services.calling import Columns, call, fingerprint


@dataclass(frozen=True)
class Reversal:
    """Ask for the opposite of an operation. Its key is the operation: undone once, however often it is asked for."""

    operation_id: UUID
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class WriteOff:
    """Ask to give up a debt: `amount` of what is `owed` becomes a loss of the house."""

    key: str
    owner_id: UUID
    currency: Currency
    amount: int
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class PayoutRequest:
    """Ask for earned tokens, at least `minimum` (the same for a whole list)."""

    payout_id: UUID
    key: str
    performer_id: UUID
    amount: int
    actor_id: UUID | None = None


@dataclass(frozen=True)
class PayoutDecision:
    """Let a payout go (`approve`), or move it back to `earned`."""

    payout_id: UUID
    approve: bool
    actor_id: UUID
    reason: str = ""


@dataclass(frozen=True)
class Repair:
    """Ask that a wallet's row says again what its last entry says."""

    wallet_id: UUID
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class AdjustmentResult:
    """Element of an answer. `operation_id`: what was written (None: nothing had to be), the first one if replayed."""

    code: str | None
    operation_id: UUID | None
    replayed: bool = False


@dataclass(frozen=True)
class ChargebackResult(AdjustmentResult):
    """What a chargeback found (`taken`) and what it booked as a debt (`owed`)."""

    taken: int = 0
    owed: int = 0


@dataclass(frozen=True)
class WriteOffResult(AdjustmentResult):
    """`owed`: what is left of the debt."""

    owed: int = 0


@dataclass(frozen=True)
class PayoutResult(AdjustmentResult):
    """`payout_id`: the request, the first one if replayed. `earned`: what is left."""

    payout_id: UUID | None = None
    earned: int = 0


def reverse_many(reversals: Sequence[Reversal]) -> list[AdjustmentResult]:
    """Undo operations: deposits, awards, settlements, splits, chargebacks, write-offs. Locks their wallets by id.

    Codes: NOT_FOUND, INVALID_TRANSITION (another kind, or undone already), INSUFFICIENT_BALANCE (a wallet no longer
    has what it gained: nothing is taken).
    """
    return [_result(row) for row in call("escrow_reverse", _undoing("reverse", reversals))]


def chargeback_many(reversals: Sequence[Reversal]) -> list[ChargebackResult]:
    """Take deposits back as far as `available` and `earned` allow; the rest is `owed`. Locks their wallets by id.

    Codes: NOT_FOUND, INVALID_TRANSITION (no deposit, or taken back already).
    """
    return [
        ChargebackResult(row["code"], row["operation"], row["replayed"], row["taken"] or 0, row["owed"] or 0)
        for row in call("escrow_chargeback", _undoing("chargeback", reversals))
    ]


def write_off_many(requests: Sequence[WriteOff]) -> list[WriteOffResult]:
    """Turn debts into losses of the house. Locks the wallets by id.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, INSUFFICIENT_BALANCE (more than is owed).
    """
    columns: Columns = [
        [new_id() for _ in requests],
        ["write_off" for _ in requests],
        [r.key for r in requests],
        [fingerprint(r.owner_id, r.currency, r.amount) for r in requests],
        [r.owner_id for r in requests],
        [r.currency.value for r in requests],
        [r.amount for r in requests],
        [r.actor_id for r in requests],
        [r.reason for r in requests],
    ]
    return [
        WriteOffResult(row["code"], row["operation"], row["replayed"], row["owed"] or 0)
        for row in call("escrow_write_off", columns)
    ]


def request_payouts(requests: Sequence[PayoutRequest], *, minimum: int) -> list[PayoutResult]:
    """Move earned tokens to `payouts` and write a payout each. Locks the wallets by id.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, PAYOUT_TOO_SMALL, INSUFFICIENT_BALANCE.
    """
    columns: Columns = [
        [new_id() for _ in requests],
        ["payout" for _ in requests],
        [r.key for r in requests],
        [fingerprint(r.performer_id, r.amount) for r in requests],
        [r.payout_id for r in requests],
        [r.performer_id for r in requests],
        [r.amount for r in requests],
        minimum,
        [r.actor_id for r in requests],
    ]
    return [
        PayoutResult(row["code"], row["operation"], row["replayed"], row["payout"], row["earned"] or 0)
        for row in call("escrow_payout", columns)
    ]


def decide_payouts(decisions: Sequence[PayoutDecision]) -> list[AdjustmentResult]:
    """Approve payouts, or reject them, which moves them back to `earned`. Locks the payouts, then the wallets.

    The same decision by the same person again is a replay. Codes: NOT_FOUND, APPROVAL_CLOSED (decided otherwise).
    """
    columns: Columns = [
        [new_id() for _ in decisions],
        [d.payout_id for d in decisions],
        [d.approve for d in decisions],
        [d.actor_id for d in decisions],
        [d.reason for d in decisions],
    ]
    return [_result(row) for row in call("escrow_decide_payout", columns)]


def repair_many(repairs: Sequence[Repair]) -> list[AdjustmentResult]:
    """Carry the balances of each wallet's last entry on, over a row that was changed from outside. Locks the wallets.

    Codes: NOT_FOUND, INVALID_TRANSITION (nothing to repair, or its version was changed too).
    """
    columns: Columns = [
        [new_id() for _ in repairs],
        [r.wallet_id for r in repairs],
        [r.actor_id for r in repairs],
        [r.reason for r in repairs],
    ]
    return [AdjustmentResult(row["code"], row["operation"]) for row in call("escrow_repair", columns)]


def repair(*, wallet_id: UUID, actor_id: UUID, reason: str) -> AdjustmentResult:
    """Lead one wallet back to its last entry. Locks it.

    Raises:
        NotFound, NotRepairable: nothing was written.
    """
    (done,) = repair_many([Repair(wallet_id, actor_id, reason)])
    if done.code == NotFound.code:
        raise NotFound
    if done.code is not None:
        raise NotRepairable
    return done


def _undoing(scope: str, reversals: Sequence[Reversal]) -> Columns:
    return [
        [new_id() for _ in reversals],
        [scope for _ in reversals],
        [str(r.operation_id) for r in reversals],
        [fingerprint(r.operation_id) for r in reversals],
        [r.operation_id for r in reversals],
        [r.actor_id for r in reversals],
        [r.reason for r in reversals],
    ]


def _result(row: dict[str, Any]) -> AdjustmentResult:
    return AdjustmentResult(row["code"], row["operation"], row["replayed"])
