"""`make soak`: the long proofs, one after the other, with their figures in a result file. `make soak ARGS=line`: one.

The line tells 1,000 stories of commands, V1-V8 after every step; the oracle tells 512 stories of up to 512 operations,
V1-V6 after every step; the jack-hammer is 20 processes with 20,000 operations each. The SOAK_* variables make them
shorter. What is not run keeps its entry, with the commit that it tried.
"""

import os
import subprocess
import sys
import time
from typing import Any

from tests import proofs

SIZES = {
    "SOAK_STORIES": "512", "SOAK_STEPS": "512", "SOAK_PROCESSES": "20", "SOAK_OPERATIONS": "20000",
    "SOAK_LINE_STORIES": "1000", "SOAK_LINE_STEPS": "12",
}  # fmt: skip
PROOFS = {
    "line": (
        "perfqueue/tests/invariants/test_stories.py",
        {"QUEUE_STORIES": "SOAK_LINE_STORIES", "QUEUE_STEPS": "SOAK_LINE_STEPS"},
    ),
    "jack-hammer": (
        "tests/concurrency/test_hammer.py",
        {"HAMMER_PROCESSES": "SOAK_PROCESSES", "HAMMER_OPERATIONS": "SOAK_OPERATIONS"},
    ),
    "oracle": ("escrow/tests/ledger/test_oracle.py", {"LEDGER_STORIES": "SOAK_STORIES", "LEDGER_STEPS": "SOAK_STEPS"}),
}


def main(chosen: list[str]) -> int:
    sizes = {name: os.environ.get(name, size) for name, size in SIZES.items()}
    found = {name: entry for name, entry in last().items() if name not in (chosen or PROOFS)}
    passed = True
    for name in chosen or PROOFS:
        path, variables = PROOFS[name]
        found[name] = run(name, path, {variable: sizes[size] for variable, size in variables.items()})
        passed &= found[name]["passed"]
        print(f"Written to {proofs.write('soak', found)}.", flush=True)
    return 0 if passed else 1


def last() -> dict[str, dict[str, Any]]:
    """What the result file says of each proof, with the moment and the commit of its own run."""
    told = proofs.read("soak")
    return {name: {"at": told["at"], "commit": told["commit"]} | told[name] for name in PROOFS if name in told}


def run(name: str, path: str, size: dict[str, str]) -> dict[str, Any]:
    """One proof: its size, whether it held, how long it took, and what it printed."""
    print(f"{name}: {', '.join(f'{key}={value}' for key, value in size.items())}", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", path, "-q", "--no-cov", "-rP", "--tb=short"],
        env=os.environ | size, check=False, capture_output=True, text=True,
    )  # fmt: skip
    seconds = round(time.monotonic() - started)
    told = [line for line in done.stdout.splitlines() if line.startswith("{")]
    print(f"{name}: {'held' if done.returncode == 0 else done.stdout[-4000:]} ({seconds} s)", flush=True)
    return proofs.head() | {"size": size, "passed": done.returncode == 0, "seconds": seconds, "counted": told}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
