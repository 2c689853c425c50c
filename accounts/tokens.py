"""Bearer tokens: access for five minutes, refresh once. The database keeps a refresh token's id, never the token."""

from dataclasses import dataclass
from typing import Any, cast

from django.db import transaction
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import BlacklistMixin, RefreshToken
from rest_framework_simplejwt.utils import datetime_from_epoch, get_md5_hash_password

from accounts.errors import RefreshRefused
from accounts.models import User
from core.errors import Unauthenticated


@dataclass(frozen=True)
class Tokens:
    """An access token and its refresh token."""

    access: str
    refresh: str


class Refresh(RefreshToken):
    """A refresh token whose text is not stored: nobody who reads the database can sign in with it."""

    @classmethod
    def for_user(cls, user: Any) -> "Refresh":
        token = super(BlacklistMixin, cls).for_user(user)  # not the parent's, which stores the text
        OutstandingToken.objects.create(
            user=user,
            jti=token[api_settings.JTI_CLAIM],
            token="",
            created_at=token.current_time,
            expires_at=datetime_from_epoch(token["exp"]),
        )
        return token


def issue(user: User) -> Tokens:
    """Issue a pair for an authenticated user (one statement)."""
    refresh = Refresh.for_user(user)
    return Tokens(access=str(refresh.access_token), refresh=str(refresh))


def rotate(raw: str) -> Tokens:
    """Use up a refresh token and issue the next pair.

    Locks the token's row, so that of two concurrent uses one succeeds.

    Raises:
        RefreshRefused: it is forged, expired, used or revoked, or its user may not sign in any more.
    """
    claims = _read(raw)
    with transaction.atomic():
        row = _locked(claims)
        user = User.objects.filter(pk=row.user_id, is_active=True).first() if row.user_id else None
        password = claims.get(api_settings.REVOKE_TOKEN_CLAIM)
        if user is None or password != get_md5_hash_password(user.password) or _is_spent(row):
            raise RefreshRefused
        BlacklistedToken.objects.create(token=row)
        return issue(user)


def revoke(raw: str) -> None:
    """Revoke a refresh token; no effect on one that is used or revoked already. Locks its row.

    Raises:
        RefreshRefused: it is forged or expired.
    """
    claims = _read(raw)
    with transaction.atomic():
        row = _locked(claims)
        if not _is_spent(row):
            BlacklistedToken.objects.create(token=row)


def token_user(raw: str) -> tuple[User, int]:
    """Return the user of an access token and when it expires, in epoch seconds (one statement).

    Raises:
        Unauthenticated: it is forged, expired or no access token, or its user may not sign in any more.
    """
    reader = JWTAuthentication()
    try:
        token = reader.get_validated_token(raw.encode())
        return cast(User, reader.get_user(token)), int(token["exp"])
    except AuthenticationFailed as error:
        raise Unauthenticated from error


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
    rows = OutstandingToken.objects.select_for_update(no_key=True)
    row = rows.filter(jti=claims[api_settings.JTI_CLAIM]).first()
    if row is None:
        raise RefreshRefused
    return row


def _is_spent(row: OutstandingToken) -> bool:
    return BlacklistedToken.objects.filter(token=row).exists()
