"""Showing once more, in a session, that one is its person."""

from accounts.errors import WrongCode, WrongCredentials
from accounts.models import User
from accounts.services import factors, throttling


def confirm_self(*, user: User, password: str, code: str) -> None:
    """Check the password and, where the account has a second factor, a code of it, which is used up.

    Raises:
        WrongCredentials, WrongCode: the failure was counted; Throttled: nothing was checked.
    """
    throttling.count(throttling.CONFIRMATIONS, user.pk)
    if not user.check_password(password):
        raise WrongCredentials
    if factors.has_factor(user.pk):
        if not code:
            raise WrongCode
        factors.spend(user=user, code=code)
    throttling.forget(throttling.CONFIRMATIONS, user.pk)
