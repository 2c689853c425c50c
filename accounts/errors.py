"""Refusals of signing in."""

from core.errors import Throttled, Unauthenticated


class WrongCredentials(Unauthenticated):
    """No active account has this name and password. Which of the three it was is not revealed."""

    message = "The name or the password is not right."


class SignInLocked(Throttled):
    """Too many failures for this name from this address. The right password is refused too, until the time is over."""

    message = "Too many failed sign-ins for this name. Wait, then try again."


class RefreshRefused(Unauthenticated):
    """The refresh token is forged, expired, used or revoked, or its user may not sign in any more."""

    message = "This refresh token cannot be used. Sign in again."
