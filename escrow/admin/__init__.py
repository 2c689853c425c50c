"""Money in the back office: the ledger is read only; what people decide is an action or an address of its own."""

from escrow.admin import desk, ledger, shop

__all__ = ["desk", "ledger", "shop"]
