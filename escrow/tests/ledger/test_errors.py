"""The refusals of the ledger's codes."""

import re
from pathlib import Path

from core.errors import IdempotencyKeyReused, NotFound
from escrow.errors import (
    BY_CODE,
    ApprovalClosed,
    HoldClosed,
    InsufficientBalance,
    KeptElsewhere,
    NotReversible,
    PayoutTooSmall,
    SplitMismatch,
    WalletFrozen,
    WalletUnknown,
)
from escrow.models import Currency, HoldStatus

SCHEMA = Path(__file__).parents[2] / "schema"
NO_CODES = {*Currency.values, *HoldStatus.values, "INSERT", "UPDATE"}


def test_every_code_of_the_sql_functions_has_its_refusal() -> None:
    literals = {found for file in SCHEMA.glob("*.sql") for found in re.findall(r"'([A-Z][A-Z_]+)'", file.read_text())}

    assert {code: BY_CODE.get(code) for code in literals - NO_CODES} == {
        "APPROVAL_CLOSED": ApprovalClosed,
        "HOLD_CLOSED": HoldClosed,
        "IDEMPOTENCY_KEY_REUSED": IdempotencyKeyReused,
        "INSUFFICIENT_BALANCE": InsufficientBalance,
        "INVALID_TRANSITION": NotReversible,
        "KEPT_ELSEWHERE": KeptElsewhere,
        "NOT_FOUND": NotFound,
        "PAYOUT_TOO_SMALL": PayoutTooSmall,
        "SPLIT_MISMATCH": SplitMismatch,
        "WALLET_FROZEN": WalletFrozen,
        "WALLET_UNKNOWN": WalletUnknown,
    }
