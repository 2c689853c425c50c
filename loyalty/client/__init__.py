"""RedRoomRewards over HTTP: the only module that speaks to it. Knows no database.

Errors are those of `loyalty.errors`: `LoyaltyUnavailable` (surely not applied), `OutcomeUnknown`, `RemoteRefusal`.
"""

from loyalty.client.values import (
    Applied,
    Balance,
    Confirmation,
    Credit,
    CreditReason,
    Deduct,
    DeductReason,
    Earn,
    EarnReason,
    LedgerEntry,
    LedgerPage,
    LinkStatus,
    RemoteIntent,
)

__all__ = [
    "Applied",
    "Balance",
    "Confirmation",
    "Credit",
    "CreditReason",
    "Deduct",
    "DeductReason",
    "Earn",
    "EarnReason",
    "LedgerEntry",
    "LedgerPage",
    "LinkStatus",
    "RemoteIntent",
]
