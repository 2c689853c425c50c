"""Callers of commands that share a transaction: what their token claims, and what their account says under it."""

import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from uuid import UUID

import orjson
from jwt.algorithms import HMACAlgorithm
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.state import token_backend

from accounts.tokens import EPOCH, FAMILY, BearerAuthentication
from core.errors import Unauthenticated
from core.fields import UUID_TEXT


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says. `password`: a digest of the password's hash when it was issued."""

    user_id: UUID
    password: str
    epoch: int
    expires_at_s: int
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """An account in the transaction of its command: what the rules read of a user."""

    id: UUID
    role: str
    verified_at: datetime | None
    terms_version: int
    is_active: bool
    must_change_password: bool
    password: str
    epoch: int
    ended_families: Sequence[str] = ()


HEAD = token_backend.encode({}).partition(".")[0].encode()
SIGNATURE = HMACAlgorithm(HMACAlgorithm.SHA256)
ISSUED = {
    api_settings.TOKEN_TYPE_CLAIM: str,
    api_settings.JTI_CLAIM: str,
    api_settings.USER_ID_CLAIM: str,
    api_settings.REVOKE_TOKEN_CLAIM: str,
    "exp": int,
    "iat": int,
    EPOCH: int,
    FAMILY: str,
}
"""The claims of an access token as `issue` writes it, all of them."""
ACCESS, LATEST_S = "access", 2**32


def claims_of(raw: str) -> Claims:
    """Check an access token's signature, type and expiry (no statement). Raises Unauthenticated."""
    return _claims_of_ours(raw.encode()) or _validated(raw)


def _claims_of_ours(raw: bytes) -> Claims | None:
    """Return the claims of a sound token in exactly the form in which we issue them; None for any other.

    `BearerAuthentication` judges what is not plainly sound. It looks at many forms that no token of ours has, which
    costs ten times as much (ADR 0071).
    """
    signed, _, signature = raw.rpartition(b".")
    head, _, text = signed.partition(b".")
    if head != HEAD:
        return None
    if not compare_digest(_encoded(SIGNATURE.sign(signed, token_backend.prepared_signing_key)), signature):
        return None
    try:
        payload = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        found = orjson.loads(payload)
    except ValueError:
        return None
    if _encoded(payload) != text or type(found) is not dict or {name: type(found[name]) for name in found} != ISSUED:
        return None
    now = time.time()
    if not found["iat"] <= now < found["exp"] < LATEST_S or found[api_settings.TOKEN_TYPE_CLAIM] != ACCESS:
        return None
    user_id = found[api_settings.USER_ID_CLAIM]
    if not UUID_TEXT.match(user_id):
        return None
    return Claims(
        UUID(user_id),
        password=found[api_settings.REVOKE_TOKEN_CLAIM],
        epoch=found[EPOCH],
        expires_at_s=found["exp"],
        family=found[FAMILY],
    )


def _encoded(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")


def _validated(raw: str) -> Claims:
    """Return the claims of a token that `BearerAuthentication` accepts."""
    try:
        token = BearerAuthentication().get_validated_token(raw.encode())
        user_id = UUID(token[api_settings.USER_ID_CLAIM])
    except (AuthenticationFailed, AttributeError, KeyError, TypeError, ValueError) as error:  # the id may be no text
        raise Unauthenticated from error
    password = token.get(api_settings.REVOKE_TOKEN_CLAIM)
    return Claims(
        user_id,
        password=password,
        epoch=token.get(EPOCH),
        expires_at_s=int(token["exp"]),
        family=token.get(FAMILY),
    )


def admitted(caller: Caller | None, claims: Claims | None) -> Caller:
    """Return the caller if the account may act, and may still act by this token if there are claims.

    Raises:
        Unauthenticated: deactivated, with a password set by somebody else, or the password or epoch has changed since,
        or the token's family was ended.
    """
    if caller is None or not caller.is_active or caller.must_change_password:
        raise Unauthenticated
    if claims is not None and (claims.password, claims.epoch) != (caller.password, caller.epoch):
        raise Unauthenticated
    if claims is not None and claims.family in caller.ended_families:
        raise Unauthenticated
    return caller
