"""Tables: the ledger, token packages and orders, payouts and approvals, runs and findings of the verifier."""

from escrow.models.approvals import Approval, ApprovalKind, ApprovalStatus, Payout, PayoutStatus
from escrow.models.audit import Finding, Freeze, Verification
from escrow.models.houses import HouseSnapshot
from escrow.models.ledger import (
    Currency,
    Entry,
    Hold,
    HoldStatus,
    House,
    Operation,
    OperationKind,
    Wallet,
    WalletStatus,
)
from escrow.models.shop import Dispute, DisputeState, EventOutcome, Order, OrderStatus, PaymentEvent, TokenPackage
