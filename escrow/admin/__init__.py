"""Money in the back office: the ledger is read only; what people decide is an action or an address of its own."""

from escrow.admin import audit, desk, ledger, shop

__all__ = ["audit", "desk", "ledger", "shop"]
