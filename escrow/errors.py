"""What the ledger refuses. Each wrote nothing."""

from core.errors import IdempotencyKeyReused, Kind, NotFound, Refused


class InsufficientBalance(Refused):
    kind, code = Kind.PAYMENT_REQUIRED, "INSUFFICIENT_BALANCE"
    message = "{needed} {currency} needed, {available} available. Nothing was taken."


class WalletFrozen(Refused):
    kind, code = Kind.FORBIDDEN, "WALLET_FROZEN"
    message = "This wallet is being checked and cannot pay or receive. Refunds still arrive."


class WalletUnknown(NotFound):
    """The person has no wallet in this currency."""


class HoldClosed(Refused):
    kind, code = Kind.CONFLICT, "HOLD_CLOSED"
    message = "This hold is closed already."


class HoldMismatch(Refused):
    kind, code = Kind.CONFLICT, "HOLD_MISMATCH"
    message = "The hold does not fit this request: {field} differs."


class SplitMismatch(Refused):
    kind, code = Kind.UNPROCESSABLE, "SPLIT_MISMATCH"
    message = "Paid and returned must be whole amounts that add up to what is held, with at least 1 paid."


_REFUSALS: tuple[type[Refused], ...] = (WalletFrozen, HoldClosed, SplitMismatch, IdempotencyKeyReused, NotFound)
BY_CODE: dict[str, type[Refused]] = {error.code: error for error in _REFUSALS} | {"WALLET_UNKNOWN": WalletUnknown}
