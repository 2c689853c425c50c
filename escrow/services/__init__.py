"""What other apps use of the ledger: they open holds, deposit and read; perfqueue alone closes holds and pays awards.

Rows are answered as frozen values, never as models.
"""

from escrow.models import Currency, HoldStatus, House
from escrow.services.auditing import last_run_at, record_run, state_of_ledger
from escrow.services.breaker import breaker_state, on_breaker_change
from escrow.services.calling import refusal
from escrow.services.holds import HoldView, TrailEntry, expired_holds, hold_by_id, lock_holds, trail
from escrow.services.operations import Award, Close, Deposit, HoldRequest, Payee, award_many, close_many, deposit, hold
from escrow.services.payments import Offer, PackageView, make_packages, packages
from escrow.services.payouts import PayoutView, pending_payouts, request_payout
from escrow.services.verification import Finding, operations_since, run_checks, snapshot, verify
from escrow.services.wallets import EntryView, balance, open_wallets, recent_entries, wallets_of, whole_statement

__all__ = [
    "Award",
    "Close",
    "Currency",
    "Deposit",
    "EntryView",
    "Finding",
    "HoldRequest",
    "HoldStatus",
    "HoldView",
    "House",
    "Offer",
    "PackageView",
    "Payee",
    "PayoutView",
    "TrailEntry",
    "award_many",
    "balance",
    "breaker_state",
    "close_many",
    "deposit",
    "expired_holds",
    "hold",
    "hold_by_id",
    "last_run_at",
    "lock_holds",
    "make_packages",
    "on_breaker_change",
    "open_wallets",
    "operations_since",
    "packages",
    "pending_payouts",
    "recent_entries",
    "record_run",
    "refusal",
    "request_payout",
    "run_checks",
    "snapshot",
    "state_of_ledger",
    "trail",
    "verify",
    "wallets_of",
    "whole_statement",
]
