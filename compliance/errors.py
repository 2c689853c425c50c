"""The gates' refusals. Each names its gate; nothing was written."""

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


class AgeVerificationRequired(GateRefused):
    gate = "age"
    kind, code = Kind.FORBIDDEN, "AGE_VERIFICATION_REQUIRED"
    message = "Your age must be verified first. Nothing was taken."


class TermsNotAccepted(GateRefused):
    gate = "terms"
    kind, code = Kind.FORBIDDEN, "TERMS_NOT_ACCEPTED"
    message = "The terms have a new version, {currentVersion}. Read and accept it first. Nothing was taken."
