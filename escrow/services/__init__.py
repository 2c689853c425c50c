"""The ledger's face: typed wrappers of the SQL functions, and reads.

Callers: features open holds; perfqueue closes them and pays awards; the composition root deposits and verifies.
"""

from escrow.models import Currency, Hold, HoldStatus, House, Operation, Wallet
from escrow.services.operations import (
    Award,
    Close,
    Closed,
    Credited,
    Deposit,
    HoldRequest,
    Opened,
    Payee,
    award_many,
    close_many,
    deposit,
    deposit_many,
    hold,
    hold_many,
    refusal,
)
from escrow.services.reads import (
    TrailLine,
    balance,
    expired_holds,
    holds_of,
    lock_holds,
    open_wallets,
    trail,
    transfers_of,
    wallets,
)
from escrow.services.verification import Finding, run_checks, verify

__all__ = [
    "Award",
    "Close",
    "Closed",
    "Credited",
    "Currency",
    "Deposit",
    "Finding",
    "Hold",
    "HoldRequest",
    "HoldStatus",
    "House",
    "Opened",
    "Operation",
    "Payee",
    "TrailLine",
    "Wallet",
    "award_many",
    "balance",
    "close_many",
    "deposit",
    "deposit_many",
    "expired_holds",
    "hold",
    "hold_many",
    "holds_of",
    "lock_holds",
    "open_wallets",
    "refusal",
    "run_checks",
    "trail",
    "transfers_of",
    "verify",
    "wallets",
]
