"""Money in the back office: read-only lists, and the actions of finance."""

from escrow.admin import approvals, audit, ledger, shop
