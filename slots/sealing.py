"""Seeds at rest: AES-256-GCM under ``settings.SEED_KEY``, which never enters the database.

The user id and the nonce are authenticated with the seed, so a sealed seed copied to another row cannot be decrypted.
``settings.SEED_KEYS_OLD`` decrypts what other keys have sealed. A row names its key by the key's id.
"""

import hashlib
import secrets
from collections.abc import Iterable
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from slots.draw import SEED_BYTES
from slots.errors import SealBroken

UNNAMED = 1  # of seeds sealed before keys had ids: each key is tried
_GCM_NONCE_BYTES = 12
_ID_DOMAIN = b"slots/seed-key/v1\x00"
_IDS = 2**15 - 1  # of a smallint


def fresh_seed() -> bytes:
    """Draw 32 bytes from the operating system."""
    return secrets.token_bytes(SEED_BYTES)


def seal(seed: bytes, *, user_id: UUID, nonce: int) -> bytes:
    """Encrypt a seed for one user's spin under ``SEED_KEY``: a fresh GCM nonce, then the ciphertext and its tag."""
    gcm_nonce = secrets.token_bytes(_GCM_NONCE_BYTES)
    return gcm_nonce + _cipher(settings.SEED_KEY).encrypt(gcm_nonce, seed, _bound_to(user_id, nonce))


def unseal(sealed: bytes, *, user_id: UUID, nonce: int, key_id: int) -> bytes:
    """Decrypt the seed that was sealed for this user's spin, by the key that the row names.

    Raises:
        SealBroken: no such key in the settings, another row, or changed bytes. A defect, not a refusal.
    """
    gcm_nonce, ciphertext = sealed[:_GCM_NONCE_BYTES], sealed[_GCM_NONCE_BYTES:]
    named = _named(settings.SEED_KEY, *settings.SEED_KEYS_OLD)
    candidates = named.values() if key_id == UNNAMED else [named[key_id]] if key_id in named else []
    for cipher in candidates:
        try:
            return cipher.decrypt(gcm_nonce, ciphertext, _bound_to(user_id, nonce))
        except InvalidTag:
            continue
    why = "does not open" if candidates else f"needs key {key_id}, which is in neither SEED_KEY nor SEED_KEYS_OLD"
    raise SealBroken(f"the sealed seed of user {user_id}, nonce {nonce}, {why}")


def newest_key_id() -> int:
    """Return the id of ``SEED_KEY``, which `seal` uses."""
    return key_id_of(settings.SEED_KEY)


@lru_cache(maxsize=8)
def key_id_of(key: bytes) -> int:
    """Return a key's id, 2 to 32,767: it says which key, and nothing of it. Two keys may share one (`slots.E003`)."""
    number = int.from_bytes(hashlib.sha256(_ID_DOMAIN + key).digest()[:8], "big")
    return UNNAMED + 1 + number % (_IDS - UNNAMED)


def shared_ids(keys: Iterable[bytes]) -> set[int]:
    """Return the ids that more than one of the keys has."""
    ids = [key_id_of(key) for key in keys]
    return {each for each in ids if ids.count(each) > 1}


@lru_cache(maxsize=2)
def _named(*keys: bytes) -> dict[int, AESGCM]:
    return {key_id_of(key): _cipher(key) for key in keys}


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _bound_to(user_id: UUID, nonce: int) -> bytes:
    """Return the additional data: the user and the nonce."""
    return user_id.bytes + nonce.to_bytes(8, "big")
