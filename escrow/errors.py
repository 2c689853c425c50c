"""Refusals of the ledger, and the code that each of them has in results of the SQL functions."""

from core.errors import IdempotencyKeyReused, Kind, NotFound, Refused


class InsufficientBalance(Refused):
    kind, code = Kind.PAYMENT_REQUIRED, "INSUFFICIENT_BALANCE"
    message = "{needed} {currency} needed, {available} available. Nothing was taken."
    example = {"needed": 100, "currency": "TOKEN", "available": 40}


class WalletFrozen(Refused):
    kind, code = Kind.FORBIDDEN, "WALLET_FROZEN"
    message = "This wallet is being checked and cannot pay or receive. Refunds still arrive."


class WalletUnknown(NotFound):
    """The person has no wallet in this currency. The API answers NOT_FOUND."""

    result_code = "WALLET_UNKNOWN"


class HoldClosed(Refused):
    kind, code = Kind.CONFLICT, "HOLD_CLOSED"
    message = "This hold is closed already."


class HoldMismatch(Refused):
    kind, code = Kind.CONFLICT, "HOLD_MISMATCH"
    message = "The hold does not fit this request: {field} differs."
    example = {"field": "tokens"}


class SplitMismatch(Refused):
    kind, code = Kind.UNPROCESSABLE, "SPLIT_MISMATCH"
    message = "Paid and returned must be whole amounts that add up to what is held, with at least 1 paid."


class NotReversible(Refused):
    """Only deposits, awards, settlements, splits, chargebacks and write-offs are reversed, each once."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This operation cannot be undone, or was undone already."


class KeptElsewhere(NotReversible):
    """Another system keeps the points that the operation moved. The API answers INVALID_TRANSITION."""

    result_code = "KEPT_ELSEWHERE"
    message = (
        "RedRoomRewards keeps these points and would not know that they were undone here."
        " Correct the balance in RedRoomRewards instead."
    )


class NothingLeftToTake(InsufficientBalance):
    """A wallet has less than the operation to be reversed gave it."""

    message = "The tokens or points are no longer there to be taken back. Nothing was changed."


class NotRepairable(NotReversible):
    """A wallet's row equals its last entry, or its version differs, which no operation repairs."""

    message = "Nothing to repair: the wallet says what its last entry says, or its version was changed too."


class AlreadyFrozen(NotReversible):
    """The wallet is frozen."""

    message = "This wallet stands still already."


class AlreadyThawed(NotReversible):
    """This freeze has ended. Its wallet may be frozen by another one."""

    message = "This wallet was let go before."


class PayoutTooSmall(Refused):
    kind, code = Kind.UNPROCESSABLE, "PAYOUT_TOO_SMALL"
    message = "A payout starts at {minimum} tokens."
    example = {"minimum": 1000}


class SameApprover(Refused):
    kind, code = Kind.FORBIDDEN, "SAME_APPROVER"
    message = "You asked for this yourself. A second person must approve it."


class ApprovalClosed(Refused):
    kind, code = Kind.CONFLICT, "APPROVAL_CLOSED"
    message = "This was decided already."


class SignatureInvalid(Refused):
    kind, code = Kind.UNAUTHENTICATED, "SIGNATURE_INVALID"
    message = "The signature is missing, wrong or older than 5 minutes."


_CLASSES: list[type[Refused]] = [
    IdempotencyKeyReused,
    *(each for each in vars().values() if isinstance(each, type) and issubclass(each, Refused) and each is not Refused),
]
BY_CODE = {str(getattr(each, "result_code", each.code)): each for each in reversed(_CLASSES)}
"""The class of every code; of several classes with the same code, the first one above."""
