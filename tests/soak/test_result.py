"""The committed result of the last soak is one of full size, and it held."""

from tests import proofs
from tests.soak.__main__ import SIZES


def test_the_last_soak_was_whole_and_held() -> None:
    told = proofs.read("soak")

    sizes = told["jack-hammer"]["size"] | told["oracle"]["size"]
    assert sorted(sizes.values()) == sorted(SIZES.values())
    assert all(told[proof]["passed"] and told[proof]["counted"] for proof in ("jack-hammer", "oracle"))
    assert told["commit"].isalnum(), "soaked a tree that was not committed"
