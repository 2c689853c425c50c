"""`make soak`: the long proofs, one after the other, with their figures in a result file. `make soak ARGS=queue`: one.

queue: 1,000 stories of commands, V1-V8 after every step; oracle: 512 stories of up to 512 operations,
V1-V6 after every step; jack-hammer: 20 processes with 20,000 operations each; contract:
generated requests to every operation, 20 a case; equality: some hundred spins and purchases, 6 times, by web and in
batches; storm: commands from all sides, each sent to three processes, 24 rounds; monte-carlo: 10,000,000 spins of
each paytable; nist: SP 800-22 over 100 sequences of 1,000,000 bits; fairness: 10,000 spins over the API by 100 players,
replayed by the stand-alone verifier; loyalty: 5,000 spins by 100 users whose points live in a RedRoomRewards that
fails, stalls, loses answers and is killed, with the product's own time-outs. The SOAK_* variables make them shorter.
What is not run keeps its entry, with the commit that it tried.
"""

import os
import subprocess
import sys
import time
from typing import Any

from tests import proofs

SIZES = {
    "SOAK_STORIES": "512", "SOAK_STEPS": "512", "SOAK_PROCESSES": "20", "SOAK_OPERATIONS": "20000",
    "SOAK_QUEUE_STORIES": "1000", "SOAK_QUEUE_STEPS": "12", "SOAK_CONTRACT_EXAMPLES": "20",
    "SOAK_EQUALITY_SEEDS": "6", "SOAK_STORM_ROUNDS": "24", "SOAK_MONTE_CARLO_SPINS": "10000000",
    "SOAK_NIST_SEQUENCES": "100", "SOAK_FAIR_SPINS": "10000", "SOAK_FAIR_USERS": "100",
    "SOAK_LOYALTY_SPINS": "5000", "SOAK_LOYALTY_USERS": "100", "SOAK_LOYALTY_REAL_FIGURES": "1",
}  # fmt: skip
PROGRESS = "progress: "
"""What a line begins with that a long proof tells while it runs."""
PROOFS = {
    "queue": (
        "perfqueue/tests/invariants/test_stories.py",
        {"QUEUE_STORIES": "SOAK_QUEUE_STORIES", "QUEUE_STEPS": "SOAK_QUEUE_STEPS"},
    ),
    "jack-hammer": (
        "tests/concurrency/test_hammer.py",
        {"HAMMER_PROCESSES": "SOAK_PROCESSES", "HAMMER_OPERATIONS": "SOAK_OPERATIONS"},
    ),
    "oracle": ("escrow/tests/ledger/test_oracle.py", {"LEDGER_STORIES": "SOAK_STORIES", "LEDGER_STEPS": "SOAK_STEPS"}),
    "contract": ("tests/contracts/test_generated.py", {"CONTRACT_EXAMPLES": "SOAK_CONTRACT_EXAMPLES"}),
    "equality": ("tests/equality/test_generated.py", {"EQUALITY_SEEDS": "SOAK_EQUALITY_SEEDS"}),
    "storm": ("tests/concurrency/test_batches.py", {"STORM_ROUNDS": "SOAK_STORM_ROUNDS"}),
    "monte-carlo": ("slots/tests/test_monte_carlo.py", {"MONTE_CARLO_SPINS": "SOAK_MONTE_CARLO_SPINS"}),
    "nist": ("tests/soak/nist.py", {"NIST_SEQUENCES": "SOAK_NIST_SEQUENCES"}),
    "fairness": (
        "tests/flows/test_fair_run.py",
        {"FAIR_SPINS": "SOAK_FAIR_SPINS", "FAIR_USERS": "SOAK_FAIR_USERS"},
    ),
    "loyalty": (
        "tests/faults/test_loyalty.py",
        {
            "LOYALTY_SPINS": "SOAK_LOYALTY_SPINS",
            "LOYALTY_USERS": "SOAK_LOYALTY_USERS",
            "LOYALTY_REAL_FIGURES": "SOAK_LOYALTY_REAL_FIGURES",
        },
    ),
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
    """The stored result of each proof, with the time and the commit of its own run."""
    stored = proofs.read("soak")
    return {name: {"at": stored["at"], "commit": stored["commit"]} | stored[name] for name in PROOFS if name in stored}


def run(name: str, path: str, size: dict[str, str]) -> dict[str, Any]:
    """One proof: its size, whether it held, how long it took, and what it printed."""
    print(f"{name}: {', '.join(f'{key}={value}' for key, value in size.items())}", flush=True)
    started = time.monotonic()
    passed, lines = tried(path, size)
    seconds = round(time.monotonic() - started)
    figures = [text for text in lines if text.startswith("{")]
    counted = [text for text in figures if not text.startswith('{"event"')]  # that is the log
    outcome = "held" if passed else "\n".join(lines)[-4000:]
    print(f"{name}: {outcome} ({seconds} s)", flush=True)
    return proofs.head() | {"size": size, "passed": passed, "seconds": seconds, "counted": counted}


def tried(path: str, size: dict[str, str]) -> tuple[bool, list[str]]:
    """Run the tests of a file; print what they tell of their progress, and return all that they printed."""
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", path, "-q", "--no-cov", "-rP", "--tb=short"],
        env=os.environ | size, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as running:  # fmt: skip
        for line in running.stdout or ():
            lines.append(line.rstrip("\n"))
            if line.startswith(PROGRESS):
                print(lines[-1], flush=True)
    return running.returncode == 0, lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
