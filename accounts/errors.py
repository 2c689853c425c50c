"""Refusals of signing in."""

from core.errors import Kind, NotFound, Refused, Throttled, Unauthenticated


class WrongCredentials(Unauthenticated):
    """No active account has this name and password. Which of the three it was is not revealed."""

    message = "The name or the password is not right."


class SignInLocked(Throttled):
    """Too many failures for this name from this address. The right password is refused too, until the time is over."""

    message = "Too many failed sign-ins for this name. Wait, then try again."


class EmailNotConfirmed(Unauthenticated):
    """Name and password are right, but the address of the account has not been confirmed."""

    message = "Confirm your e-mail address first: open the link that we sent to it."


class CodeRequired(Unauthenticated):
    """Name and password are right, and the account has a second factor."""

    message = "A code of your second factor is needed as well."


class WrongCode(Unauthenticated):
    """The code is not one of now, or was used before."""

    message = "This code is not right, or it was used before. Take the next one."


class StepUpRequired(Refused):
    """A finance operation needs a current, unused code of the second factor."""

    kind, code = Kind.FORBIDDEN, "STEP_UP_REQUIRED"
    message = "A current code of your second factor is needed, one that was not used before."


class FactorIsOn(Refused):
    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This account has a second factor already."


class CannotErase(Refused):
    """Only a user's account is erased on request; a performer's or a member of staff's is ended by a person first."""

    kind, code = Kind.FORBIDDEN, "FORBIDDEN"
    message = "An account like yours is erased by a person: write to support."


class ErasureClosed(Refused):
    """The account is being erased, or was."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "The account is being erased. It cannot be called off any more."


class ExportEnded(Refused):
    """The export is made by another worker by now, or its person's account is being erased."""

    kind, code = Kind.CONFLICT, "INVALID_TRANSITION"
    message = "This export is not made here any more."


class ExportGone(NotFound):
    """There is no file with this person's data, or it is not kept any more."""

    message = "There is no such file any more. Ask for a new one on your account page."


class LinkDead(NotFound):
    """A link from a mail is forged, was used, or is over."""

    message = "This link does not work any more. Ask for a new one."


class RefreshRefused(Unauthenticated):
    """The refresh token is forged, expired, used or revoked, or its user may not sign in any more."""

    message = "This refresh token cannot be used. Sign in again."


class PasswordChangeRequired(Refused):
    """The password was set by somebody else. Until it is changed, on a page, the account can do nothing else."""

    kind, code = Kind.FORBIDDEN, "STEP_UP_REQUIRED"
    message = "Sign in on the website and choose a password of your own first."
