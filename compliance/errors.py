"""The refusals of the gates, each of which names its gate, and of limits and terms. Nothing was written."""

from typing import ClassVar

from core import errors
from core.errors import Kind, Refused


class GateRefused(Refused):
    """A gate refuses a person's command."""

    gate: ClassVar[str]


class RoleNotAllowed(errors.RoleNotAllowed, GateRefused):
    gate = "role"


class GameDisabled(GateRefused):
    gate = "game_enabled"
    kind, code = Kind.UNAVAILABLE, "GAME_DISABLED"
    message = "This game is switched off at the moment. Nothing was taken."


class SelfExcluded(GateRefused):
    """The person has excluded themself; `until` is null for good."""

    gate = "excluded"
    kind, code = Kind.FORBIDDEN, "SELF_EXCLUDED"
    message = "You have excluded yourself, and nobody can end it early. Nothing was taken."
    example = {"until": "2027-05-28T21:32:00Z"}


class TimedOut(GateRefused):
    """The person takes a break."""

    gate = "excluded"
    kind, code = Kind.FORBIDDEN, "TIMED_OUT"
    message = "You take a break, and nobody can shorten it. Nothing was taken."
    example = {"until": "2026-11-29T21:32:00Z"}


class AgeVerificationRequired(GateRefused):
    gate = "age"
    kind, code = Kind.FORBIDDEN, "AGE_VERIFICATION_REQUIRED"
    message = "Your age must be verified first. Nothing was taken."


class AgeVerificationFailed(GateRefused):
    """The person was found too young, or is younger than the region's policy asks for."""

    gate = "age"
    kind, code = Kind.FORBIDDEN, "AGE_VERIFICATION_FAILED"
    message = "You must be {minimumAge} to play here. Nothing was taken."
    example = {"minimumAge": 18}


class JurisdictionBlocked(GateRefused):
    """The region's policy blocks the feature, has none, or the region is unknown: `region` is then null."""

    gate = "jurisdiction"
    kind, code = Kind.BLOCKED, "JURISDICTION_BLOCKED"
    message = "This game is not offered where you are. Nothing was taken."
    example = {"region": "DRY", "feature": "slots"}


class TermsNotAccepted(GateRefused):
    gate = "terms"
    kind, code = Kind.FORBIDDEN, "TERMS_NOT_ACCEPTED"
    message = "The terms have a new version, {version}. Read and accept it first. Nothing was taken."
    example = {"version": 2}


class RealityCheckDue(GateRefused):
    """The person has played for 30 minutes since the session began or the last check was answered."""

    gate = "reality_check"
    kind, code = Kind.CONFLICT, "REALITY_CHECK_DUE"
    message = "You have played for a while: see time and result, then go on or stop. Nothing was taken."
    example = {"elapsedSeconds": 1800, "netPoints": -1150}


class SpendLimitReached(GateRefused):
    """The command would pass the person's own limit of a window, or the operator's (`scope`)."""

    gate = "spending_limit"
    kind, code = Kind.FORBIDDEN, "SPEND_LIMIT_REACHED"
    message = "This would pass the limit of {limit} in {window}; {used} are used. Nothing was taken."
    example = {
        "currency": "POINT",
        "window": "24h",
        "scope": "user",
        "limit": 2500,
        "used": 2450,
        "freesAt": "2026-11-29T09:14:00Z",
    }


class LimitPending(Refused):
    """A higher limit cannot be confirmed yet: it waits until `effectiveAt`."""

    kind, code = Kind.CONFLICT, "LIMIT_PENDING"
    message = "A higher limit waits 24 hours before it can be confirmed. The old one holds."
    example = {"effectiveAt": "2026-11-29T20:41:00Z"}


class LimitTooHigh(Refused):
    """A limit lies above the operator's for the same window."""

    kind, code = Kind.UNPROCESSABLE, "LIMIT_TOO_HIGH"
    message = "The operator's limit is {operatorCap}. Choose up to that."
    example = {"operatorCap": 10_000}


class TermsOutdated(Refused):
    """Another version of the terms than the current one was to be accepted."""

    kind, code = Kind.CONFLICT, "TERMS_OUTDATED"
    message = "The terms have a newer version, {version}. Nothing was accepted: read it first."
    example = {"version": 2}


PURCHASE_GATES: tuple[type[GateRefused], ...] = (
    AgeVerificationRequired,
    AgeVerificationFailed,
    TermsNotAccepted,
    SpendLimitReached,
)
"""What the gates before a purchase refuse with."""
GAME_GATES: tuple[type[GateRefused], ...] = (SelfExcluded, TimedOut, *PURCHASE_GATES, JurisdictionBlocked)
"""What the gates before a game refuse with, besides its own."""


class MarkerClosed(Refused):
    """A marker was closed before."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This was closed already."
