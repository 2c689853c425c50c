"""What the slot machine's own gates refuse, and what it calls broken."""

from compliance.errors import GateRefused
from core.errors import Kind


class PaytableChanged(GateRefused):
    """The player was shown another paytable than the one in play."""

    gate = "paytable"
    kind, code = Kind.CONFLICT, "PAYTABLE_CHANGED"
    message = "The paytable changed while you were here. Nothing was taken. See the new odds, then spin."


class CommitmentStale(GateRefused):
    """The player named another commitment than the one that the next spin reveals."""

    gate = "commitment"
    kind, code = Kind.CONFLICT, "COMMITMENT_STALE"
    message = "That is not the commitment of your next spin. Nothing was taken."


class InvalidBet(GateRefused):
    """The paytable is not played with such a bet."""

    gate = "bet"
    kind, code = Kind.UNPROCESSABLE, "INVALID_BET"
    message = "This bet cannot be placed. Nothing was taken."


class SpinTooFast(GateRefused):
    """The user's last spin is too recent."""

    gate = "too_fast"
    kind, code = Kind.TOO_MANY, "SPIN_TOO_FAST"
    message = "Wait a moment. This press did not spin."


class HourlyLimitReached(GateRefused):
    """The user has had all spins of a rolling hour."""

    gate = "hourly_limit"
    kind, code = Kind.TOO_MANY, "RATE_LIMIT_EXCEEDED"
    message = "You used all {limit} spins this hour. Nothing was taken."


class SealBroken(Exception):
    """A sealed seed does not open: another key, another row, or changed bytes."""


class ReferenceMismatch(Exception):
    """A paytable file does not have the digest or the figures that it declares."""
