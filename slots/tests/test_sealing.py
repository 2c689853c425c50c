"""A sealed seed can be decrypted for its own row only, by the key that the row names."""

import base64
from functools import partial
from itertools import count
from typing import Any

import pytest

from core.ids import new_id
from slots import sealing
from slots.checks import seed_keys_are_told_apart
from slots.errors import SealBroken
from slots.sealing import UNNAMED, fresh_seed, key_id_of, newest_key_id, seal

USER = new_id()
OTHER = b"k" * 32


def unseal(sealed: bytes, **where: Any) -> bytes:
    return sealing.unseal(sealed, key_id=newest_key_id(), **where)


def test_a_sealed_seed_opens_again() -> None:
    seed = fresh_seed()

    sealed = seal(seed, user_id=USER, nonce=7)

    assert unseal(sealed, user_id=USER, nonce=7) == seed
    assert seed not in sealed
    assert len(sealed) == 60


def test_the_same_seed_never_looks_the_same_twice() -> None:
    assert seal(bytes(32), user_id=USER, nonce=0) != seal(bytes(32), user_id=USER, nonce=0)


@pytest.mark.parametrize("nonce", [0, 8])
def test_it_does_not_open_for_another_spin(nonce: int) -> None:
    sealed = seal(fresh_seed(), user_id=USER, nonce=7)

    with pytest.raises(SealBroken):
        unseal(sealed, user_id=USER, nonce=nonce)


def test_it_does_not_open_for_another_user() -> None:
    sealed = seal(fresh_seed(), user_id=USER, nonce=7)

    with pytest.raises(SealBroken):
        unseal(sealed, user_id=new_id(), nonce=7)


@pytest.mark.parametrize("place", [0, 12, 59])
def test_it_does_not_open_when_one_byte_was_changed(place: int) -> None:
    sealed = bytearray(seal(fresh_seed(), user_id=USER, nonce=7))
    sealed[place] ^= 1

    with pytest.raises(SealBroken):
        unseal(bytes(sealed), user_id=USER, nonce=7)


@pytest.fixture
def rotated(settings: Any) -> Any:
    """Sealed by a key that is an old one now; called with the id of a key it opens the seal."""
    sealed, old = seal(b"s" * 32, user_id=USER, nonce=7), settings.SEED_KEY
    settings.SEED_KEY, settings.SEED_KEYS_OLD = OTHER, [b"a" * 32, old]
    return partial(sealing.unseal, sealed, user_id=USER, nonce=7), key_id_of(old)


def test_a_row_names_the_key_that_opens_it(rotated: Any) -> None:
    opened, old = rotated

    assert opened(key_id=old) == b"s" * 32
    for other in (newest_key_id(), key_id_of(b"a" * 32)):
        with pytest.raises(SealBroken, match="does not open"):
            opened(key_id=other)


def test_what_was_sealed_before_keys_had_ids_opens_by_any_key(rotated: Any, settings: Any) -> None:
    opened, _ = rotated
    assert opened(key_id=UNNAMED) == b"s" * 32

    settings.SEED_KEYS_OLD = []
    with pytest.raises(SealBroken, match="does not open"):
        opened(key_id=UNNAMED)


def test_a_seal_of_a_key_that_is_gone_says_which_key_it_needs(rotated: Any, settings: Any) -> None:
    opened, old = rotated
    settings.SEED_KEYS_OLD = [b"a" * 32]

    with pytest.raises(SealBroken, match=f"needs key {old}, which is in neither"):
        opened(key_id=old)


def test_an_id_is_a_smallint_that_is_not_the_unnamed_ones() -> None:
    ids = {key_id_of(base64.b64encode(bytes([number] * 24))) for number in range(200)}

    assert len(ids) > 190
    assert min(ids) > UNNAMED
    assert max(ids) < 2**15


def test_two_keys_with_one_id_are_refused_at_start_up(settings: Any) -> None:
    assert seed_keys_are_told_apart(None) == []
    wanted = newest_key_id()
    twin = next(key for key in map(_key, count()) if key_id_of.__wrapped__(key) == wanted)

    settings.SEED_KEYS_OLD = [OTHER, twin]

    assert [problem.id for problem in seed_keys_are_told_apart(None)] == ["slots.E003"]


def _key(number: int) -> bytes:
    return number.to_bytes(32, "big")
