"""A sealed seed can be decrypted for its own row only."""

import pytest

from core.ids import new_id
from slots.errors import SealBroken
from slots.sealing import fresh_seed, seal, unseal

USER = new_id()


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


def test_it_does_not_open_under_another_key(settings: pytest.FixtureRequest) -> None:
    sealed = seal(fresh_seed(), user_id=USER, nonce=7)
    settings.SEED_KEY = b"k" * 32  # type: ignore[attr-defined]

    with pytest.raises(SealBroken):
        unseal(sealed, user_id=USER, nonce=7)
