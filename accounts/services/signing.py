"""Signing in, by token and by session, and one's own password."""

import time
from importlib import import_module
from typing import cast

import structlog
from django.conf import settings
from django.contrib import auth
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest

from accounts import lockout, sessions, tokens
from accounts.errors import CodeRequired, EmailNotConfirmed, PasswordChangeRequired, SignInLocked, WrongCredentials
from accounts.models import User
from accounts.services import addresses, factors
from accounts.services.people import locked
from accounts.services.sessions import stay
from accounts.tokens import Tokens
from core.clock import db_now
from core.db import joined

log = structlog.get_logger()
PASSWORDS = "django.contrib.auth.backends.ModelBackend"
PENDING = "awaits_code"
PENDING_S = 300
"""How long a right password counts until the code of the second factor comes."""


def issue_tokens(request: HttpRequest, *, username: str, password: str, otp: str = "") -> Tokens:
    """Check name and password, and a code where there is a second factor, and issue a pair of tokens.

    Where `settings.RELAXED` is on no code is asked for.

    Raises:
        WrongCredentials, WrongCode: the failure was counted; SignInLocked, Throttled: nothing was checked;
        CodeRequired: `otp` is missing; PasswordChangeRequired: it is right, but was set by somebody else;
        EmailNotConfirmed.
    """
    user = _authenticated(request, username, password)
    if user.must_change_password:
        raise PasswordChangeRequired
    if not settings.RELAXED and factors.has_factor(user.pk):
        if not otp:
            raise CodeRequired
        factors.spend(user=user, code=otp)
    log.info("signed_in", user=str(user.pk))
    return tokens.begin(request, user)


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check name and password and start a session under a new session key.

    Raises:
        WrongCredentials: the failure was counted; SignInLocked: the password was not checked; EmailNotConfirmed;
        CodeRequired: the password is right, and `confirm_sign_in` within 5 minutes starts the session.
    """
    user = _authenticated(request, username, password)
    await_code(request, user)
    _start(request, user)
    return user


def await_code(request: HttpRequest, user: User) -> None:
    """Keep in the visitor's session who has shown a right password. Raises CodeRequired if there is a second factor."""
    if factors.has_factor(user.pk):
        request.session[PENDING] = {"user": str(user.pk), "hash": user.get_session_auth_hash(), "at": int(time.time())}
        raise CodeRequired


def awaits_code(request: HttpRequest) -> bool:
    """Return whether this visitor has shown a right password within the last 5 minutes."""
    pending = request.session.get(PENDING)
    return pending is not None and 0 <= time.time() - pending["at"] <= PENDING_S


def confirm_sign_in(request: HttpRequest, *, code: str) -> User:
    """Finish a sign-in by a code of the second factor, or a recovery code; start a session under a new key.

    Raises:
        WrongCode: the failure was counted; Throttled: it was not looked at; WrongCredentials: no password was shown
        within 5 minutes, or the account has changed since.
    """
    pending = request.session.get(PENDING) if awaits_code(request) else None
    user = User.objects.filter(pk=pending["user"], is_active=True).first() if pending else None
    if pending is None or user is None or user.get_session_auth_hash() != pending["hash"]:
        raise WrongCredentials
    factors.spend(user=user, code=code)
    del request.session[PENDING]
    _start(request, user)
    return user


def sign_out(request: HttpRequest) -> None:
    """End the session and delete its data and its record."""
    key = str(request.session.session_key)
    auth.logout(request)
    sessions.forget(key)


def must_change_password(user: User | AnonymousUser) -> bool:
    """Return whether this person may do nothing but change the password that somebody else has set."""
    return isinstance(user, User) and user.must_change_password


def change_password(request: HttpRequest, *, password: str) -> None:
    """Set the signed-in person's password. Ends every other session and all tokens; locks the account's row.

    The caller has checked the old password and the strength of the new one.
    """
    with joined():
        user = locked(cast(User, request.user).pk)
        user.set_password(password)
        user.must_change_password, user.password_changed_at = False, db_now()
        user.save(update_fields=["password", "must_change_password", "password_changed_at"])
        sessions.end_all(user.pk, but=str(request.session.session_key))
    stay(request, user)


def session_user(session_key: str) -> User | None:
    """Return the user of a session; None if it has ended, or its user may not sign in any more or must change the
    password first."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = auth.get_user(request)
    return user if isinstance(user, User) and not user.must_change_password else None


def _authenticated(request: HttpRequest, username: str, password: str) -> User:
    user = auth.authenticate(request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        raise SignInLocked(retry_after_s=lockout.seconds_left(request, username))
    if not isinstance(user, User):
        raise WrongCredentials
    lockout.reset_failures(request, username)
    if addresses.is_unconfirmed(user):
        raise EmailNotConfirmed
    return user


def _start(request: HttpRequest, user: User) -> None:
    auth.login(request, user, backend=PASSWORDS)
    sessions.begin_session(request, user)
    log.info("signed_in", user=str(user.pk))
