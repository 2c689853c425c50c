"""Secrets of second factors at rest: AES-256-GCM under `settings.SECOND_FACTOR_KEY`, kept outside the database."""

import base64
import secrets

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
PURPOSE = b"xxxchat/second-factor/v1"


class FactorAdapter(DefaultMFAAdapter):
    """Gives django-allauth's authenticators an encryption; its own does nothing (MFA_ADAPTER)."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)


def seal(text: str) -> str:
    """Encrypt a secret, in base64, under a fresh nonce."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + _cipher().encrypt(nonce, text.encode(), PURPOSE)).decode()


def unseal(sealed: str) -> str:
    """Decrypt what `seal` made. Raises InvalidTag under another key, or if it was changed."""
    raw = base64.b64decode(sealed)
    return _cipher().decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], PURPOSE).decode()


def _cipher() -> AESGCM:
    return AESGCM(settings.SECOND_FACTOR_KEY)
