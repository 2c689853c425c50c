"""Result files of what is too long for every run: committed, with the commit that was tried."""

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
    told: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return told


def commit() -> str:
    """The commit that is tried; `+` if the tree differs from it in more than result files."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--", ".", ":!docs/proofs") else "")
