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


class NotReversible(Refused):
    """Only deposits, awards, settlements, splits, chargebacks and write-offs are undone, each once."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This operation cannot be undone, or was undone already."


class NothingLeftToTake(InsufficientBalance):
    """Somebody no longer has what an operation gave."""

    message = "The tokens or points are no longer there to be taken back. Nothing was changed."


class NotRepairable(NotReversible):
    """A wallet's row agrees with its last entry, or its version does not, which no operation mends."""

    message = "Nothing to repair: the wallet says what its last entry says, or its version was changed too."


class AlreadyFrozen(NotReversible):
    """A wallet that stands still is frozen already."""

    message = "This wallet stands still already."


class AlreadyThawed(NotReversible):
    """A freeze that ended. Its wallet may be frozen again by now, which is another freeze's matter."""

    message = "This wallet was let go before."


class PayoutTooSmall(Refused):
    kind, code = Kind.UNPROCESSABLE, "PAYOUT_TOO_SMALL"
    message = "A payout starts at {minimum} tokens."


class SameApprover(Refused):
    kind, code = Kind.FORBIDDEN, "SAME_APPROVER"
    message = "You asked for this yourself. A second person must approve it."


class ApprovalClosed(Refused):
    kind, code = Kind.CONFLICT, "APPROVAL_CLOSED"
    message = "This was decided already."


class SignatureInvalid(Refused):
    kind, code = Kind.UNAUTHENTICATED, "SIGNATURE_INVALID"
    message = "The signature is missing, wrong or older than 5 minutes."


_REFUSALS: tuple[type[Refused], ...] = (
    WalletFrozen,
    HoldClosed,
    SplitMismatch,
    IdempotencyKeyReused,
    NotFound,
    NotReversible,
    ApprovalClosed,
)
BY_CODE: dict[str, type[Refused]] = {error.code: error for error in _REFUSALS} | {"WALLET_UNKNOWN": WalletUnknown}
