"""Result files of long runs (soak, mutants): committed, with the tested commit."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "proofs"


def write(name: str, facts: dict[str, Any]) -> Path:
    """Write `docs/proofs/<name>.json`: when, which commit, and what was found."""
    file = FOLDER / f"{name}.json"
    FOLDER.mkdir(exist_ok=True)
    file.write_text(json.dumps(head() | facts, indent=2, ensure_ascii=False) + "\n")
    return file


def head() -> dict[str, str]:
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": commit()}


def read(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return facts


def commit() -> str:
    """Return the tested commit; with `+` if the tree differs in more than result files."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", ".", ":!docs/proofs") else "")
