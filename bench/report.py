"""Reports: one file per run, with its day and its commit."""

import json
import subprocess
from pathlib import Path
from typing import Any

REPORTS = Path(__file__).parent / "reports"


def commit() -> str:
    """The commit that is measured; `+` if the tree differs from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")


def keep(report: dict[str, Any], what: str) -> Path:
    """Write a report, which has `at` and `commit`; return its file."""
    file = REPORTS / f"{report['at'][:10]}-{what}-{report['commit']}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(report, indent=2) + "\n")
    return file
