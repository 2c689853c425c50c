"""RedRoomRewards over HTTP: the only module that speaks to it. Knows no database.

Errors are those of `loyalty.errors`: `LoyaltyUnavailable` (surely not applied), `OutcomeUnknown`, `RemoteRefusal`.
"""

from loyalty.client.config import Config
from loyalty.client.faults import CALLS, Outcome, Try, breaker, on_try
from loyalty.client.http import LoyaltyClient
from loyalty.client.running import run
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
    "CALLS",
    "Applied",
    "Balance",
    "Config",
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
    "LoyaltyClient",
    "Outcome",
    "RemoteIntent",
    "Try",
    "breaker",
    "on_try",
    "run",
]
