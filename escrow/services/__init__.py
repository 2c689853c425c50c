"""What other apps use of the ledger: they open holds, deposit and read; perfqueue alone closes holds and pays awards.

Rows are answered as frozen values, never as models.
"""

from escrow.models import Currency, HoldStatus, House
from escrow.services.auditing import last_run_at, record_run, state_of_ledger, waiting_for_staff
from escrow.services.batches import (
    Instant,
    LockedWallet,
    Opening,
    assert_payable,
    lock_wallets,
    open_holds,
    settle_instants,
)
from escrow.services.breaker import breaker_state, guarded, guarding, on_breaker_change
from escrow.services.calling import refusal
from escrow.services.holds import (
    HoldView,
    TrailEntry,
    expired_holds,
    held_in,
    hold_by_id,
    lock_holds,
    open_holds_of,
    trail,
)
from escrow.services.houses import circulation_by_day, in_circulation
from escrow.services.operations import Award, Close, Deposit, HoldRequest, Payee, award_many, close_many, deposit, hold
from escrow.services.own_data import own_data
from escrow.services.payments import Offer, PackageView, make_packages, packages
from escrow.services.payouts import PayoutView, pending_payouts, request_payout
from escrow.services.sources import (
    Cleared,
    PaidOrder,
    ReversedOrder,
    Settlement,
    cleared,
    cleared_by_key,
    paid_orders,
    reversed_orders,
    settlements,
)
from escrow.services.verification import Finding, operations_since, run_checks, snapshot, verify
from escrow.services.wallets import (
    EntryView,
    WalletView,
    balance,
    lock_wallets_of,
    open_wallets,
    recent_entries,
    wallets_of,
    whole_statement,
)

__all__ = [
    "Award",
    "Cleared",
    "Close",
    "Currency",
    "Deposit",
    "EntryView",
    "Finding",
    "HoldRequest",
    "HoldStatus",
    "HoldView",
    "House",
    "Instant",
    "LockedWallet",
    "Offer",
    "Opening",
    "PackageView",
    "PaidOrder",
    "Payee",
    "PayoutView",
    "ReversedOrder",
    "Settlement",
    "TrailEntry",
    "WalletView",
    "assert_payable",
    "award_many",
    "balance",
    "breaker_state",
    "circulation_by_day",
    "cleared",
    "cleared_by_key",
    "close_many",
    "deposit",
    "expired_holds",
    "guarded",
    "guarding",
    "held_in",
    "hold",
    "hold_by_id",
    "in_circulation",
    "last_run_at",
    "lock_holds",
    "lock_wallets",
    "lock_wallets_of",
    "make_packages",
    "on_breaker_change",
    "open_holds",
    "open_holds_of",
    "open_wallets",
    "operations_since",
    "own_data",
    "packages",
    "paid_orders",
    "pending_payouts",
    "recent_entries",
    "record_run",
    "refusal",
    "request_payout",
    "reversed_orders",
    "run_checks",
    "settle_instants",
    "settlements",
    "snapshot",
    "state_of_ledger",
    "trail",
    "verify",
    "waiting_for_staff",
    "wallets_of",
    "whole_statement",
]
