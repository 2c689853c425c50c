"""Signing in, by token and by session, and creating accounts."""

from collections.abc import Iterable
from dataclasses import dataclass
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
from accounts.tokens import Tokens, token_user
from core.clock import db_now
from core.db import joined

__all__ = [
    "ServiceAccess",
    "address_of",
    "create_performer",
    "create_user",
    "display_name",
    "is_performer",
    "make_service_account",
    "service_account",
    "session_user",
    "sign_in",
    "sign_out",
    "token_user",
]


def issue_tokens(request: HttpRequest, *, username: str, password: str) -> Tokens:
    """Check name and password and issue a pair of tokens.

    Raises:
        WrongCredentials: the failure was counted; SignInLocked: the password was not checked.
    """
    return tokens.issue(_authenticated(request, username, password))


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check name and password and start a session under a new session key.

    Raises:
        WrongCredentials: the failure was counted; SignInLocked: the password was not checked.
    """
    user = _authenticated(request, username, password)
    auth.login(request, user)
    return user


def sign_out(request: HttpRequest) -> None:
    """End the session and delete its data."""
    auth.logout(request)


def session_user(session_key: str) -> User | None:
    """Return the user of a session; None if it has ended or its user may not sign in any more."""
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
    """Create an account, without wallets, which are escrow's.

    Without either password nobody can sign in with it. `hashed_password` is the output of Django's hasher.
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
    """Create a performer and her profile in one transaction; `person` goes to `create_user`."""
    with joined():
        user = create_user(username=username, role=Role.PERFORMER, **person)
        PerformerProfile.objects.create(
            user=user, display_name=display_name, tagline=tagline, poster=poster, fee_bps=fee_bps
        )
    return user


def display_name(user: User) -> str:
    """Return a performer's stage name, else the user name (at most one statement)."""
    return display_names([user])[user.pk]


def display_names(users: Iterable[User]) -> dict[Any, str]:
    """Return the display name of each, by id (at most one statement)."""
    users = list(users)
    performers = [user.pk for user in users if user.role == Role.PERFORMER]
    profiles = PerformerProfile.objects.filter(pk__in=performers)
    stage_names = dict(profiles.values_list("pk", "display_name")) if performers else {}
    return {user.pk: stage_names.get(user.pk, user.username) for user in users}


def is_performer(user_id: UUID, *, including_former: bool = False) -> bool:
    """Return whether this is an active performer or, with `including_former`, was one (one statement)."""
    performers = User.objects.filter(pk=user_id, role=Role.PERFORMER)
    return (performers if including_former else performers.filter(is_active=True)).exists()


def _authenticated(request: HttpRequest, username: str, password: str) -> User:
    user = auth.authenticate(request, username=username, password=password)
    if getattr(request, "axes_locked_out", False):
        raise SignInLocked(retry_after_s=lockout.seconds_left(request, username))
    if not isinstance(user, User):
        raise WrongCredentials
    lockout.reset_failures(request, username)
    return user


@dataclass(frozen=True)
class ServiceAccess:
    """What a service account may do over the API."""

    features: list[str]
    scopes: list[str]
    cap_per_user_day: int


def service_account(user: User) -> ServiceAccess | None:
    """Return the rights of the user's service account; None if the user has none (one statement)."""
    accounts = ServiceAccount.objects.filter(user_id=user.pk, user__role=Role.SERVICE)
    row = accounts.values("features", "scopes", "cap_per_user_day").first()
    return None if row is None else ServiceAccess(**row)


def make_service_account(
    user: User, *, features: Iterable[str], scopes: Iterable[Scope], cap_per_user_day: int
) -> None:
    """Create the service account of a user; an existing one is not changed."""
    ServiceAccount.objects.get_or_create(
        user=user, defaults={"features": list(features), "scopes": list(scopes), "cap_per_user_day": cap_per_user_day}
    )
