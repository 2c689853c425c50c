"""Refusals of the slot machine's own gates and of paytables, and its defects."""

from compliance.errors import GateRefused
from core.errors import Kind, Refused


class PaytableChanged(GateRefused):
    """The player names another paytable than the active one."""

    gate = "paytable"
    kind, code = Kind.CONFLICT, "PAYTABLE_CHANGED"
    message = "The paytable changed while you were here. Nothing was taken. See the new odds, then spin."


class CommitmentStale(GateRefused):
    """The player names another commitment than that of the next spin."""

    gate = "commitment"
    kind, code = Kind.CONFLICT, "COMMITMENT_STALE"
    message = "That is not the commitment of your next spin. Nothing was taken."


class InvalidBet(GateRefused):
    """The paytable does not allow this bet."""

    gate = "bet"
    kind, code = Kind.UNPROCESSABLE, "INVALID_BET"
    message = "This bet cannot be placed. Nothing was taken."


class SpinTooFast(GateRefused):
    """The user's last spin is too recent."""

    gate = "too_fast"
    kind, code = Kind.TOO_MANY, "SPIN_TOO_FAST"
    message = "Wait a moment. This press did not spin."


class HourlyLimitReached(GateRefused):
    """The user has used all spins of the rolling hour."""

    gate = "hourly_limit"
    kind, code = Kind.TOO_MANY, "RATE_LIMIT_EXCEEDED"
    message = "You used all {limit} spins this hour. Nothing was taken."
    example = {"limit": 100}


class RtpMismatch(Refused):
    """A paytable returns another share than it declares, or one outside of what is allowed."""

    kind, code = Kind.UNPROCESSABLE, "RTP_MISMATCH"
    message = "Declared {declaredRtp}, computed {computedRtp}. Nothing was stored."
    example = {"declaredRtp": "19/20", "computedRtp": "88293/800000"}


class PaytableStepRefused(Refused):
    """A paytable's status does not allow the step."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "A paytable that is {status} cannot do this."
    example = {"status": "retired"}


class NobodyToAsk(Refused):
    """Nobody else may approve the paytable, has an e-mail address and was not asked within the hour."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "Nobody else who may approve can be asked: they have no e-mail address, or were asked within the hour."


class PaytableExists(Refused):
    """A paytable with the same rules, or the same id and version, is stored already."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "These rules, or another table of this id and version, are stored already: {paytableId}."
    example = {"paytableId": "0198c0de-0000-7000-8000-000000000000"}


class GameNotClosed(Refused):
    """The machine is not closed by its return, or somebody has asked to open it already."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "The machine is not closed by its return, or a request to open it waits already."


class SpinArchived(Refused):
    """Spins of this month are no longer stored, whoever's they were: their signed archive has them."""

    kind, code = Kind.NOT_FOUND, "SPIN_ARCHIVED"
    message = "Spins of {month} are in the signed archive of that month. Ask support for the proof of one."
    example = {"month": "2024-10"}


class SealBroken(Exception):
    """A sealed seed cannot be decrypted: another key, another row, or changed bytes."""


class ReferenceMismatch(Exception):
    """A paytable file does not have the digest or the figures that it declares."""


class ArchiveRefused(Exception):
    """An archive cannot be written or read as asked; nothing was changed. The text says why, to operators."""
