"""The committed result of the last `make contracts`: no finding of a linter, and both clients did the main job."""

from pathlib import Path

from tests import proofs
from tests.contracts.__main__ import SOURCE, held


def test_the_last_contracts_run_held() -> None:
    result = proofs.read("contracts")

    assert held(result)
    assert set(result["linters"]) == {"redocly json", "redocly yaml", "spectral json", "spectral yaml"}
    assert result["commit"].isalnum(), "run on a tree that was not committed"


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (SOURCE / "package-lock.json").read_text()
    assert Path(SOURCE / ".npmrc").read_text().startswith("omit-lockfile-registry-resolved=true")
