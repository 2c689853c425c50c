"""Signing in, by token and by session, and making people."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts import lockout, tokens
from accounts.errors import SignInLocked, WrongCredentials
from accounts.lockout import address_of
from accounts.models import PerformerProfile, Role, Scope, ServiceAccount, User
from accounts.tokens import Tokens, bearer, revoke, rotate
from core.clock import db_now
from core.db import joined

__all__ = [
    "Tokens",
    "address_of",
    "bearer",
    "create_performer",
    "create_user",
    "display_name",
    "display_names",
    "is_performer",
    "issue_tokens",
    "make_service_account",
    "revoke",
    "rotate",
    "service_account",
    "session_user",
    "sign_in",
    "sign_out",
]


def issue_tokens(request: HttpRequest, *, username: str, password: str) -> Tokens:
    """Check name and password and make a pair of tokens.

    Raises:
        WrongCredentials: one more failure is counted; SignInLocked: nothing was checked.
    """
    return tokens.issue(_authenticated(request, username, password))


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check name and password and start a session under a new session key.

    Raises:
        WrongCredentials: one more failure is counted; SignInLocked: nothing was checked.
    """
    user = _authenticated(request, username, password)
    auth.login(request, user)
    return user


def sign_out(request: HttpRequest) -> None:
    """End the session and drop what it held."""
    auth.logout(request)


def session_user(session_key: str) -> User | None:
    """Return whom a session belongs to, None if it has ended or its person may not sign in any more."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = auth.get_user(request)
    return user if isinstance(user, User) else None


def create_user(
    *,
    username: str,
    password: str | None = None,
    hashed_password: str | None = None,
    role: Role = Role.USER,
    verified: bool = False,
    terms_version: int = 0,
    **fields: Any,
) -> User:
    """Make a person. Wallets are not made here: accounts knows no money.

    Without either password nobody can sign in as this person. `hashed_password` is one that Django's hasher made.
    """
    user = User(
        username=User.normalize_username(username),
        role=role,
        verified_at=db_now() if verified else None,
        terms_version=terms_version,
        **fields,
    )
    user.password = hashed_password or make_password(password)
    user.save(force_insert=True)
    return user


def create_performer(
    *,
    username: str,
    display_name: str,
    tagline: str = "",
    poster: str = "voice",
    fee_bps: int | None = None,
    **person: Any,
) -> User:
    """Make a performer with her profile, both or neither; `person` goes to `create_user`."""
    with joined():
        user = create_user(username=username, role=Role.PERFORMER, **person)
        PerformerProfile.objects.create(
            user=user, display_name=display_name, tagline=tagline, poster=poster, fee_bps=fee_bps
        )
    return user


def display_name(user: User) -> str:
    """Return what others see of somebody: a performer's stage name, else the user name (at most one statement)."""
    return display_names([user])[user.pk]


def display_names(users: Iterable[User]) -> dict[Any, str]:
    """Return `display_name` of each, by id (at most one statement)."""
    people = list(users)
    performers = [user.pk for user in people if user.role == Role.PERFORMER]
    stage = (
        dict(PerformerProfile.objects.filter(pk__in=performers).values_list("pk", "display_name")) if performers else {}
    )
    return {user.pk: stage.get(user.pk, user.username) for user in people}


def is_performer(user_id: UUID, *, or_was: bool = False) -> bool:
    """Say whether this is an active performer; `or_was`: or one who has left (one statement)."""
    performers = User.objects.filter(pk=user_id, role=Role.PERFORMER)
    return (performers if or_was else performers.filter(is_active=True)).exists()


def _authenticated(request: HttpRequest, username: str, password: str) -> User:
    user = auth.authenticate(request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        raise SignInLocked(retry_after_s=lockout.seconds_left(request, username))
    if not isinstance(user, User):
        raise WrongCredentials
    lockout.forget(request, username)
    return user


def service_account(user: User) -> ServiceAccount | None:
    """What a service account may do; None for somebody who is none, or may do nothing yet (one statement)."""
    return ServiceAccount.objects.filter(user_id=user.pk, user__role=Role.SERVICE).first()


def make_service_account(
    user: User, *, features: Iterable[str], scopes: Iterable[Scope], cap_per_user_day: int
) -> ServiceAccount:
    """Let a service account do something, under names of its own. One that exists stays as it is."""
    made, _ = ServiceAccount.objects.get_or_create(
        user=user,
        defaults={"features": list(features), "scopes": list(scopes), "cap_per_user_day": cap_per_user_day},
    )
    return made
