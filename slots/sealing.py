"""Seeds at rest: AES-256-GCM under ``settings.SEED_KEY``, which never enters the database.

The user id and the nonce are authenticated with the seed, so a sealed seed copied to another row cannot be decrypted.
"""

import secrets
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from slots.draw import SEED_BYTES
from slots.errors import SealBroken

_GCM_NONCE_BYTES = 12


def fresh_seed() -> bytes:
    """Draw 32 bytes from the operating system."""
    return secrets.token_bytes(SEED_BYTES)


def seal(seed: bytes, *, user_id: UUID, nonce: int) -> bytes:
    """Encrypt a seed for one user's spin: a fresh GCM nonce, then the ciphertext and its tag."""
    gcm_nonce = secrets.token_bytes(_GCM_NONCE_BYTES)
    return gcm_nonce + _cipher(settings.SEED_KEY).encrypt(gcm_nonce, seed, _bound_to(user_id, nonce))


def unseal(sealed: bytes, *, user_id: UUID, nonce: int) -> bytes:
    """Decrypt the seed that was sealed for this user's spin.

    Raises:
        SealBroken: another key, another row, or changed bytes. A defect, not a refusal.
    """
    gcm_nonce, ciphertext = sealed[:_GCM_NONCE_BYTES], sealed[_GCM_NONCE_BYTES:]
    try:
        return _cipher(settings.SEED_KEY).decrypt(gcm_nonce, ciphertext, _bound_to(user_id, nonce))
    except InvalidTag as broken:
        raise SealBroken(f"the sealed seed of user {user_id}, nonce {nonce}, does not open") from broken


@lru_cache(maxsize=2)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _bound_to(user_id: UUID, nonce: int) -> bytes:
    """Return the additional data: the user and the nonce."""
    return user_id.bytes + nonce.to_bytes(8, "big")
