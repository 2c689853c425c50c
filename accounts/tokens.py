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
    """A pair for one person."""

    access: str
    refresh: str


class Refresh(RefreshToken):
    """A refresh token whose text is stored nowhere: who reads the database cannot sign in with it."""

    @classmethod
    def for_user(cls, user: Any) -> "Refresh":
        token = super(BlacklistMixin, cls).for_user(user)  # past the parent, which would store the text
        OutstandingToken.objects.create(
            user=user,
            jti=token[api_settings.JTI_CLAIM],
            token="",
            created_at=token.current_time,
            expires_at=datetime_from_epoch(token["exp"]),
        )
        return token


def issue(user: User) -> Tokens:
    """Make a pair for somebody who has just proven who she is (one statement)."""
    refresh = Refresh.for_user(user)
    return Tokens(access=str(refresh.access_token), refresh=str(refresh))


def rotate(raw: str) -> Tokens:
    """Use a refresh token up and make the next pair.

    Locks the token's row, so that of two uses at once one wins.

    Raises:
        RefreshRefused: it was not ours, is expired, used or revoked, or its person may not sign in any more.
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
    """Make a refresh token useless; one that is used or revoked already stays so.

    Raises:
        RefreshRefused: it was not ours, or is expired.
    """
    claims = _read(raw)
    with transaction.atomic():
        row = _locked(claims)
        if not _is_spent(row):
            BlacklistedToken.objects.create(token=row)


def bearer(raw: str) -> tuple[User, int]:
    """Return whom an access token stands for and until when, in epoch seconds (one statement).

    Raises:
        Unauthenticated: forged, expired, no access token, or its person may not sign in any more.
    """
    reader = JWTAuthentication()
    try:
        token = reader.get_validated_token(raw.encode())
        return cast(User, reader.get_user(token)), int(token["exp"])
    except AuthenticationFailed as error:
        raise Unauthenticated from error


def _read(raw: str) -> dict[str, Any]:
    try:
        token = _Unchecked(cast(Any, raw))  # the library's annotation forgets what it takes
    except TokenError as error:
        raise RefreshRefused from error
    return dict(token.payload)


class _Unchecked(RefreshToken):
    """Signature, expiry and type are checked; whether it was used is read under the lock."""

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
