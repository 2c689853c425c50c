"""Money in the back office: read-only lists, and the actions of finance."""

from escrow.admin import approvals, audit, ledger, shop

__all__ = ["approvals", "audit", "ledger", "shop"]
