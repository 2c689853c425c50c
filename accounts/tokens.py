"""Bearer tokens: access for five minutes, refresh once. The database keeps a refresh token's id, never the token."""

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from django.db import DEFAULT_DB_ALIAS, transaction
from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password

from accounts import sessions
from accounts.errors import PasswordChangeRequired, RefreshRefused
from accounts.models import User
from core.db import glance
from core.errors import NotFound, Refused, Unauthenticated
from core.fields import UUID_TEXT


@dataclass(frozen=True)
class Tokens:
    """An access token and its refresh token."""

    access: str
    refresh: str


EPOCH, FAMILY = "epoch", "family"
"""The claims with the user's `sign_in_epoch`, and with the id of the first refresh token of the family."""
TOKENS_REMEMBERED = 4_096
_USER_COLUMNS = tuple(field.attname for field in User._meta.concrete_fields)
_USER = f"SELECT {', '.join(_USER_COLUMNS)} FROM accounts_user WHERE id = %s::uuid"  # noqa: S608  composed of columns


class BearerAuthentication(JWTAuthentication):
    """Bearer tokens of the user's present epoch whose family goes on.

    `refuses`: what it raises beside a failed authentication.
    """

    refuses: tuple[type[Refused], ...] = ()

    def get_validated_token(self, raw_token: bytes) -> Any:
        """Return the claims of a signed access token that has not expired. The signature is checked once a process."""
        token = _signed(raw_token)
        if token["exp"] <= time.time():
            raise InvalidToken
        return token

    def get_user(self, validated_token: Any) -> Any:
        """Return the token's user if tokens of this user are accepted and this one is current (one statement)."""
        user = _user(validated_token.get(api_settings.USER_ID_CLAIM))
        if user is None or not may_use_tokens(user) or not _is_current(validated_token, user):
            raise AuthenticationFailed
        return user


class OwnPasswordSession(SessionAuthentication):
    """Sessions of people who have a password of their own. `refuses`: what it raises beside a failed authentication."""

    refuses: tuple[type[Refused], ...] = (PasswordChangeRequired,)

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        found = super().authenticate(request)
        if found is not None and found[0].must_change_password:
            raise PasswordChangeRequired
        return found


@lru_cache(TOKENS_REMEMBERED)
def _signed(raw: bytes) -> Any:
    """Return the claims of an access token that was sound when it was read, which nobody changes."""
    return JWTAuthentication().get_validated_token(raw)


def may_use_tokens(user: User | None) -> bool:
    """Return whether tokens of this user are accepted (USER_AUTHENTICATION_RULE)."""
    return user is not None and user.is_active and not user.must_change_password


class Refresh(RefreshToken):
    """A refresh token whose text is not stored: nobody who reads the database can sign in with it."""

    @classmethod
    def for_user(cls, user: Any, *, family: str | None = None) -> "Refresh":
        """Return the next token of a family, or the first of a new one. Its access tokens have the same claims."""
        token = super(BlacklistMixin, cls).for_user(user)  # not the parent's, which stores the text
        token[EPOCH] = user.sign_in_epoch
        token[FAMILY] = family or token[api_settings.JTI_CLAIM]
        OutstandingToken.objects.create(
            user=user,
            jti=token[api_settings.JTI_CLAIM],
            token="",
            created_at=token.current_time,
            expires_at=datetime_from_epoch(token["exp"]),
        )
        return token


def begin(request: HttpRequest, user: User) -> Tokens:
    """Issue the first pair of a family to an authenticated user, and record where it was asked for."""
    refresh = Refresh.for_user(user)
    sessions.begin_tokens(request, user, refresh[FAMILY])
    return _pair(refresh)


def issue(user: User) -> Tokens:
    """Issue a pair for an authenticated user (one statement)."""
    return _pair(Refresh.for_user(user))


def _pair(refresh: Refresh) -> Tokens:
    return Tokens(access=str(refresh.access_token), refresh=str(refresh))


def rotate(raw: str) -> Tokens:
    """Use up a refresh token and issue the next pair.

    Locks the record of its family, then the token's row, so that of two concurrent uses one succeeds.

    Raises:
        RefreshRefused: it is forged, expired, used or revoked, or its user may not sign in any more.
    """
    claims = _read(raw)
    with transaction.atomic():
        sessions.lock_record(claims[api_settings.JTI_CLAIM])
        row = _locked(claims)
        user = User.objects.filter(pk=row.user_id).first() if row.user_id else None
        if user is None or not may_use_tokens(user) or not _is_current(claims, user) or _is_spent(row):
            raise RefreshRefused
        BlacklistedToken.objects.create(token=row)
        refresh = Refresh.for_user(user, family=claims.get(FAMILY))
        sessions.renew_tokens(row.jti, refresh[api_settings.JTI_CLAIM], family=refresh[FAMILY])
        return _pair(refresh)


def revoke(raw: str) -> None:
    """Revoke a refresh token, and with it at once the access tokens of its family.

    No effect on one that is used or revoked already. Locks the account, the family's record, then the token's row.

    Raises:
        RefreshRefused: it is forged or expired.
    """
    claims = _read(raw)
    with transaction.atomic():
        sessions.lock_account(_known(claims).user_id)
        sessions.lock_record(claims[api_settings.JTI_CLAIM])
        row = _locked(claims)
        if not _is_spent(row):
            BlacklistedToken.objects.create(token=row)
            sessions.bar_family(row.user_id, claims.get(FAMILY))
            sessions.forget(row.jti)


def token_user(raw: str) -> tuple[User, int]:
    """Return the user of an access token and when it expires, in epoch seconds (one statement).

    Raises:
        Unauthenticated: it is forged, expired or no access token, or its user may not sign in any more.
    """
    reader = BearerAuthentication()
    try:
        token = reader.get_validated_token(raw.encode())
        return cast(User, reader.get_user(token)), int(token["exp"])
    except AuthenticationFailed as error:
        raise Unauthenticated from error


def _user(claim: Any) -> User | None:
    """Return the user with this id; None too for what is no id. Every signed-in request asks: the SQL is constant."""
    if not isinstance(claim, str) or not UUID_TEXT.match(claim):
        return None
    try:
        row = glance(_USER, [claim])
    except NotFound:
        return None
    return User.from_db(DEFAULT_DB_ALIAS, _USER_COLUMNS, list(row.values()))


def _is_current(claims: Any, user: User) -> bool:
    """Return whether neither the password nor the epoch has changed since, and the family has not been ended."""
    password = claims.get(api_settings.REVOKE_TOKEN_CLAIM)
    return bool(
        password == get_md5_hash_password(user.password)
        and claims.get(EPOCH) == user.sign_in_epoch
        and claims.get(FAMILY) not in user.ended_families
    )


def _read(raw: str) -> dict[str, Any]:
    try:
        token = _Unchecked(cast(Any, raw))  # the library's annotation omits str
    except TokenError as error:
        raise RefreshRefused from error
    return dict(token.payload)


class _Unchecked(RefreshToken):
    """A token checked for signature, expiry and type; whether it was used is read under the lock."""

    def check_blacklist(self) -> None:
        return None


def _locked(claims: dict[str, Any]) -> OutstandingToken:
    return _known(claims, OutstandingToken.objects.select_for_update(no_key=True))


def _known(claims: dict[str, Any], rows: Any = OutstandingToken.objects) -> OutstandingToken:
    row: OutstandingToken | None = rows.filter(jti=claims[api_settings.JTI_CLAIM]).first()
    if row is None:
        raise RefreshRefused
    return row


def _is_spent(row: OutstandingToken) -> bool:
    return BlacklistedToken.objects.filter(token=row).exists()
