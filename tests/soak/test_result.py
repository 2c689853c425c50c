"""The committed result of the last soak is one of full size, and it held."""

from typing import Any

import pytest

import tests.soak.__main__ as soak
from tests import proofs
from tests.soak.__main__ import PROOFS, SIZES, last


@pytest.mark.parametrize("proof", PROOFS)
def test_the_last_soak_was_whole_and_held(proof: str) -> None:
    result = last()[proof]

    assert result["size"] == {variable: SIZES[size] for variable, size in PROOFS[proof][1].items()}
    assert result["passed"]
    assert result["counted"]
    assert result["commit"].isalnum(), "soaked a tree that was not committed"


def test_a_proof_run_alone_keeps_the_entries_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, Any] = {}
    monkeypatch.setattr(soak, "run", lambda name, path, size: {"passed": name == "queue"})
    monkeypatch.setattr(proofs, "write", lambda name, facts: written.update(facts))

    assert soak.main(["queue"]) == 0
    assert written == soak.last() | {"queue": {"passed": True}}
    assert soak.main(["oracle"]) == 1
