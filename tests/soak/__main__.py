"""`make soak`: the ledger's two long proofs, one after the other, with their figures in a result file.

The oracle tells 512 stories of up to 512 steps, V1-V6 after every step; the jack-hammer is 20 processes with 20,000
movements each. SOAK_STORIES, SOAK_STEPS, SOAK_PROCESSES and SOAK_OPERATIONS make them shorter.
"""

import os
import subprocess
import sys
import time
from typing import Any

from tests import proofs

SIZES = {"SOAK_STORIES": "512", "SOAK_STEPS": "512", "SOAK_PROCESSES": "20", "SOAK_OPERATIONS": "20000"}


def main() -> int:
    sizes = {name: os.environ.get(name, size) for name, size in SIZES.items()}
    runs = {
        "jack-hammer": (
            "tests/concurrency/test_hammer.py",
            {"HAMMER_PROCESSES": sizes["SOAK_PROCESSES"], "HAMMER_OPERATIONS": sizes["SOAK_OPERATIONS"]},
        ),
        "oracle": (
            "escrow/tests/test_oracle.py",
            {"LEDGER_STORIES": sizes["SOAK_STORIES"], "LEDGER_STEPS": sizes["SOAK_STEPS"]},
        ),
    }
    found: dict[str, Any] = {}
    for name, (path, size) in runs.items():
        found[name] = run(name, path, size)
        print(f"Written to {proofs.write('soak', found)}.", flush=True)
    return 0 if all(each["passed"] for each in found.values()) else 1


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
    return {"size": size, "passed": done.returncode == 0, "seconds": seconds, "counted": told}


if __name__ == "__main__":
    sys.exit(main())
