"""Holds, closes, awards and deposits. Each is one call of an SQL function over a list, with a code per element.

All join the caller's transaction, or open one. Amounts are whole tokens or points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.ids import new_id
from escrow.models import Currency, House
from escrow.services.calling import call, fingerprint, refusal, traced

HOLD_EXPIRY_S = 300


@dataclass(frozen=True)
class Payee:
    """Receives what a hold settles: either a performer or a house account."""

    user_id: UUID | None = None
    house: House | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.house is None):
            raise ValueError("A payee is a performer or a house account.")


@dataclass(slots=True)
class HoldRequest:
    """Set `amount` aside. `key` is unique per feature for ever; a hold that no item takes expires."""

    hold_id: UUID
    key: str
    payer_id: UUID
    payee: Payee
    currency: Currency
    amount: int
    feature: str
    source_event_id: str = ""
    actor_id: UUID | None = None
    reason: str = ""
    expires_in_s: int = HOLD_EXPIRY_S
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HoldResult:
    """Result of one hold. `available`, `held`: the payer's balances after it (before it, if refused)."""

    code: str | None
    hold_id: UUID
    operation_id: UUID
    available: int
    held: int
    replayed: bool


@dataclass(frozen=True)
class Close:
    """Close a hold: `settle` to its payee, `refund` to its payer; together its amount. Fee in basis points."""

    key: str
    hold_id: UUID
    settle: int
    refund: int
    fee_bps: int = 0
    expired: bool = False
    actor_id: UUID | None = None
    reason: str = ""


@dataclass(frozen=True)
class CloseResult:
    """Result of one close. `available`: the payer's balance after it."""

    code: str | None
    hold_id: UUID
    operation_id: UUID
    available: int
    fee: int
    replayed: bool


@dataclass(frozen=True)
class Award:
    """Pay points from `slots_bank` to a player, for the hold of an instant item."""

    key: str
    owner_id: UUID
    amount: int
    hold_id: UUID
    actor_id: UUID | None = None


@dataclass(frozen=True)
class Deposit:
    """Credit a wallet from a house account (sales, mint, loyalty_clearing; slots_bank for an award)."""

    key: str
    owner_id: UUID
    currency: Currency
    amount: int
    house: House
    actor_id: UUID | None = None
    reason: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CreditResult:
    """Result of one award or deposit. `available`: the owner's balance after it."""

    code: str | None
    operation_id: UUID
    available: int
    replayed: bool


def hold_many(requests: Sequence[HoldRequest]) -> list[HoldResult]:
    """Open holds. Locks the payers' wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, INSUFFICIENT_BALANCE.
    """
    rows = call(
        "escrow_hold",
        operation=[new_id() for _ in requests],
        scope=[f"hold:{r.feature}" for r in requests],
        key=[r.key for r in requests],
        fingerprint=[hold_fingerprint(r) for r in requests],
        hold=[r.hold_id for r in requests],
        payer=[r.payer_id for r in requests],
        payee=[r.payee.user_id for r in requests],
        house=[r.payee.house and r.payee.house.value for r in requests],
        currency=[r.currency.value for r in requests],
        amount=[r.amount for r in requests],
        feature=[r.feature for r in requests],
        source=[r.source_event_id for r in requests],
        expires_s=[r.expires_in_s for r in requests],
        actor=[r.actor_id for r in requests],
        reason=[r.reason for r in requests],
        meta=[traced(r.meta) for r in requests],
    )
    return [
        HoldResult(row["code"], row["hold"], row["operation"], row["available"] or 0, row["held"] or 0, row["replayed"])
        for row in rows
    ]


def hold(request: HoldRequest) -> HoldResult:
    """Open one hold.

    Raises:
        InsufficientBalance, WalletFrozen, WalletUnknown, IdempotencyKeyReused: nothing was written.
    """
    (opened,) = hold_many([request])
    if opened.code is not None:
        currency = request.currency.value
        raise refusal(opened.code, needed=request.amount, available=opened.available, currency=currency)
    return opened


def close_many(closes: Sequence[Close]) -> list[CloseResult]:
    """Close holds in full. Locks the holds, then payers' and payees' wallets, each in id order.

    Only perfqueue calls it: the trigger on holds requires the item's final state to allow it.
    Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, HOLD_CLOSED, SPLIT_MISMATCH, WALLET_FROZEN.
    """
    rows = call(
        "escrow_close",
        operation=[new_id() for _ in closes],
        scope=["close" for _ in closes],
        key=[c.key for c in closes],
        fingerprint=[close_fingerprint(c) for c in closes],
        hold=[c.hold_id for c in closes],
        settle=[c.settle for c in closes],
        refund=[c.refund for c in closes],
        fee_bps=[c.fee_bps for c in closes],
        expired=[c.expired for c in closes],
        actor=[c.actor_id for c in closes],
        reason=[c.reason for c in closes],
        meta=[traced({}) for _ in closes],
    )
    return [
        CloseResult(row["code"], row["hold"], row["operation"], row["available"] or 0, row["fee"] or 0, row["replayed"])
        for row in rows
    ]


def award_many(awards: Sequence[Award]) -> list[CreditResult]:
    """Pay points from `slots_bank`. Locks the wallets in id order. Only perfqueue calls it.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN.
    """
    bank, points = House.SLOTS_BANK, Currency.POINT
    credits = [Deposit(a.key, a.owner_id, points, a.amount, bank, a.actor_id) for a in awards]
    return _credit("award", credits, holds=[a.hold_id for a in awards])


def deposit_many(requests: Sequence[Deposit]) -> list[CreditResult]:
    """Credit wallets from house accounts. Locks the wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN.
    """
    return _credit("deposit", requests, holds=[None for _ in requests])


def deposit(request: Deposit) -> CreditResult:
    """Credit one wallet from a house account.

    Raises:
        WalletFrozen, WalletUnknown, IdempotencyKeyReused: nothing was written.
    """
    (credited,) = deposit_many([request])
    if credited.code is not None:
        raise refusal(credited.code)
    return credited


def _credit(kind: str, credits: Sequence[Deposit], *, holds: list[UUID | None]) -> list[CreditResult]:
    """Credit wallets from house accounts. The kind of the operations is also the scope of their keys."""
    rows = call(
        "escrow_credit",
        operation=[new_id() for _ in credits],
        scope=[kind for _ in credits],
        key=[c.key for c in credits],
        fingerprint=[credit_fingerprint(c) for c in credits],
        kind=[kind for _ in credits],
        owner=[c.owner_id for c in credits],
        house=[c.house.value for c in credits],
        currency=[c.currency.value for c in credits],
        amount=[c.amount for c in credits],
        hold=holds,
        actor=[c.actor_id for c in credits],
        reason=[c.reason for c in credits],
        meta=[traced(c.meta) for c in credits],
    )
    return [CreditResult(row["code"], row["operation"], row["available"] or 0, row["replayed"]) for row in rows]


def hold_fingerprint(request: HoldRequest) -> bytes:
    """What a hold's key stands for."""
    payee = request.payee.user_id or request.payee.house
    return fingerprint(request.payer_id, payee, request.currency, request.amount)


def close_fingerprint(close: Close) -> bytes:
    """What a close's key stands for."""
    return fingerprint(close.hold_id, close.settle, close.refund, close.fee_bps, close.expired)


def credit_fingerprint(credit: Deposit) -> bytes:
    """What the key of a deposit or an award stands for."""
    return fingerprint(credit.owner_id, credit.house, credit.currency, credit.amount)
