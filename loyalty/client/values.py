"""What is asked of RedRoomRewards and what it answers, as frozen values."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import orjson

Body = dict[str, Any]


class DeductReason(StrEnum):
    SPIN = "slot_machine_spin"
    EARN_REVERSAL = "earn_reversal"


class CreditReason(StrEnum):
    WIN = "slot_machine_win"
    REFUND = "slot_machine_refund"


class EarnReason(StrEnum):
    PURCHASE = "token_purchase"
    TIP = "tip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(ABC):
    """A change of a member's points. `transaction_id` is the Idempotency-Key, too; `amount` in whole points."""

    path: ClassVar[str]
    user_id: UUID
    amount: int
    transaction_id: str

    @property
    @abstractmethod
    def body(self) -> Body:
        """What is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduct(Change):
    """Take points from a member."""

    path: ClassVar[str] = "/api/v1/loyalty/deduct"
    reason: DeductReason = DeductReason.SPIN

    @property
    def body(self) -> Body:
        return {
            "userId": str(self.user_id),
            "amount": self.amount,
            "reason": self.reason.value,
            "transactionId": self.transaction_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit(Change):
    """Give a member points: a spin's award (`metadata`: spinId, symbols, multiplier), or its bet back (spinId)."""

    path: ClassVar[str] = "/api/v1/loyalty/credit"
    reason: CreditReason
    metadata: Body = field(default_factory=dict)

    @property
    def body(self) -> Body:
        return {
            "userId": str(self.user_id),
            "amount": self.amount,
            "reason": self.reason.value,
            "transactionId": self.transaction_id,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn(Change):
    """Give a member points for tokens. `metadata`: ids and amounts of ours."""

    path: ClassVar[str] = "/api/v1/loyalty/earn"
    reason: EarnReason
    metadata: Body = field(default_factory=dict)

    @property
    def body(self) -> Body:
        return {
            "userId": str(self.user_id),
            "points": self.amount,
            "reason": self.reason.value,
            "transactionId": self.transaction_id,
            "metadata": self.metadata,
        }


@dataclass(frozen=True, slots=True)
class Applied:
    """A change that was carried out, now or by an earlier request with its key; `new_balance` is that after it."""

    new_balance: int


@dataclass(frozen=True, slots=True)
class Balance:
    """A member's points, and when they last changed."""

    balance: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of a member's ledger over there; `points_delta` is below zero for a deduct."""

    entry_id: str
    transaction_id: str
    type: str
    points_delta: int
    balance_after: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Rows of a ledger, and the cursor of the next page; None behind the last."""

    entries: tuple[LedgerEntry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class RemoteIntent:
    """The beginning of a link; its code is for the member."""

    intent_id: str
    link_code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What confirms a link. The proof is passed on and kept nowhere."""

    intent_id: str
    member_id: str = field(repr=False)
    user_id: UUID
    proof: Body = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """Whether a user is linked over there, to whom, since when."""

    linked: bool
    member_id: str | None
    linked_at: datetime | None


def rendered(body: Body) -> bytes:
    """A body as it is sent: the same bytes whenever it is sent again, also after it was stored as `jsonb`."""
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
