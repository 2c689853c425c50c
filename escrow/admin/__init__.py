"""Money in the back office: the ledger is read only; what people decide is an action or an address of its own."""

from escrow.admin import approvals, audit, ledger, shop

__all__ = ["approvals", "audit", "ledger", "shop"]
