"""Movements of money. Each function is one call of one SQL function over a list: one round trip, a code per element.

All join the caller's transaction, or open one. Amounts are whole tokens or points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.ids import new_id
from escrow.errors import InsufficientBalance
from escrow.models import Currency, House
from escrow.services.calling import Columns, call, fingerprint, refusal, traced

HOLD_LIFE_S = 300


@dataclass(frozen=True)
class Payee:
    """Whom a hold will pay: a performer, or an account of the house. Exactly one."""

    user_id: UUID | None = None
    house: House | None = None

    def __post_init__(self) -> None:
        if (self.user_id is None) == (self.house is None):
            raise ValueError("A payee is a performer or a house account.")


@dataclass(frozen=True)
class HoldRequest:
    """Ask to set `amount` aside. `key` is unique per feature, for ever; the hold expires without an item."""

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
    expires_in_s: int = HOLD_LIFE_S
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class HoldResult:
    """Element of `hold_many`. `available`, `held`: the payer's balances after it (before it, if refused)."""

    code: str | None
    hold_id: UUID
    operation_id: UUID
    available: int
    held: int
    replayed: bool


@dataclass(frozen=True)
class Close:
    """Ask to end a hold: `settle` to its payee, `refund` to its payer; together its amount. Fee in basis points."""

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
    """Element of `close_many`. `available`: the payer's balance after it."""

    code: str | None
    hold_id: UUID
    operation_id: UUID
    available: int
    fee: int
    replayed: bool


@dataclass(frozen=True)
class Award:
    """Points from `slots_bank` to a player, for the hold of an instant item."""

    key: str
    owner_id: UUID
    amount: int
    hold_id: UUID
    actor_id: UUID | None = None


@dataclass(frozen=True)
class Deposit:
    """Money that enters a wallet from a house account (sales, mint, loyalty_clearing)."""

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
    """Element of `award_many` and `deposit_many`. `available`: the owner's balance after it."""

    code: str | None
    operation_id: UUID
    available: int
    replayed: bool


def hold_many(requests: Sequence[HoldRequest]) -> list[HoldResult]:
    """Open holds. Locks the payers' wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN, INSUFFICIENT_BALANCE.
    """
    columns: Columns = [
        [new_id() for _ in requests],
        [f"hold:{r.feature}" for r in requests],
        [r.key for r in requests],
        [fingerprint(r.payer_id, r.payee.user_id or r.payee.house, r.currency, r.amount) for r in requests],
        [r.hold_id for r in requests],
        [r.payer_id for r in requests],
        [r.payee.user_id for r in requests],
        [r.payee.house and r.payee.house.value for r in requests],
        [r.currency.value for r in requests],
        [r.amount for r in requests],
        [r.feature for r in requests],
        [r.source_event_id for r in requests],
        [r.expires_in_s for r in requests],
        [r.actor_id for r in requests],
        [r.reason for r in requests],
        [traced(r.meta) for r in requests],
    ]
    return [
        HoldResult(row["code"], row["hold"], row["operation"], row["available"] or 0, row["held"] or 0, row["replayed"])
        for row in call("escrow_hold", columns)
    ]


def hold(request: HoldRequest) -> HoldResult:
    """Open one hold.

    Raises:
        InsufficientBalance, WalletFrozen, WalletUnknown, IdempotencyKeyReused: nothing was written.
    """
    (opened,) = hold_many([request])
    if opened.code == InsufficientBalance.code:
        raise InsufficientBalance(needed=request.amount, available=opened.available, currency=request.currency.value)
    if opened.code is not None:
        raise refusal(opened.code)
    return opened


def close_many(closes: Sequence[Close]) -> list[CloseResult]:
    """Close holds in full. Locks the holds, then payers' and payees' wallets, each in id order.

    Only perfqueue calls it: the trigger on holds wants the item in the state that allows it.
    Codes: IDEMPOTENCY_KEY_REUSED, NOT_FOUND, HOLD_CLOSED, SPLIT_MISMATCH, WALLET_FROZEN.
    """
    columns: Columns = [
        [new_id() for _ in closes],
        ["close" for _ in closes],
        [c.key for c in closes],
        [fingerprint(c.hold_id, c.settle, c.refund, c.fee_bps, c.expired) for c in closes],
        [c.hold_id for c in closes],
        [c.settle for c in closes],
        [c.refund for c in closes],
        [c.fee_bps for c in closes],
        [c.expired for c in closes],
        [c.actor_id for c in closes],
        [c.reason for c in closes],
        [traced({}) for _ in closes],
    ]
    return [
        CloseResult(row["code"], row["hold"], row["operation"], row["available"] or 0, row["fee"] or 0, row["replayed"])
        for row in call("escrow_close", columns)
    ]


def award_many(awards: Sequence[Award]) -> list[CreditResult]:
    """Pay points from `slots_bank`. Locks the wallets in id order. Only perfqueue calls it.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN.
    """
    return _credit(
        [
            _Credit("award", a.key, a.owner_id, House.SLOTS_BANK, Currency.POINT, a.amount, a.actor_id, a.hold_id)
            for a in awards
        ]
    )


def deposit_many(requests: Sequence[Deposit]) -> list[CreditResult]:
    """Credit wallets from house accounts. Locks the wallets in id order.

    Codes: IDEMPOTENCY_KEY_REUSED, WALLET_UNKNOWN, WALLET_FROZEN.
    """
    return _credit(
        [
            _Credit("deposit", r.key, r.owner_id, r.house, r.currency, r.amount, r.actor_id, None, r.reason, r.meta)
            for r in requests
        ]
    )


def deposit(request: Deposit) -> CreditResult:
    """Credit one wallet from a house account.

    Raises:
        WalletFrozen, WalletUnknown, IdempotencyKeyReused: nothing was written.
    """
    (credited,) = deposit_many([request])
    if credited.code is not None:
        raise refusal(credited.code)
    return credited


@dataclass(frozen=True)
class _Credit:
    """One element of `escrow_credit`; its kind is its key's scope too."""

    kind: str
    key: str
    owner_id: UUID
    house: House
    currency: Currency
    amount: int
    actor_id: UUID | None = None
    hold_id: UUID | None = None
    reason: str = ""
    meta: dict[str, Any] = field(default_factory=dict)


def _credit(credits: Sequence[_Credit]) -> list[CreditResult]:
    columns: Columns = [
        [new_id() for _ in credits],
        [c.kind for c in credits],
        [c.key for c in credits],
        [fingerprint(c.owner_id, c.house, c.currency, c.amount) for c in credits],
        [c.kind for c in credits],
        [c.owner_id for c in credits],
        [c.house.value for c in credits],
        [c.currency.value for c in credits],
        [c.amount for c in credits],
        [c.hold_id for c in credits],
        [c.actor_id for c in credits],
        [c.reason for c in credits],
        [traced(c.meta) for c in credits],
    ]
    return [
        CreditResult(row["code"], row["operation"], row["available"] or 0, row["replayed"])
        for row in call("escrow_credit", columns)
    ]
