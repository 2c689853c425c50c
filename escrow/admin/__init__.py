"""Money in the back office: the ledger is read only; what people decide is an action or an address of its own."""

from escrow.admin import ledger, shop

__all__ = ["ledger", "shop"]
