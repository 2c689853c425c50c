"""`python -m bench.history`: latencies with much history stored beside those with little, on two stacks in turn.

Both have the same people. Each round measures every load on one, then on the other; a ratio is the median of the
rounds' ratios, so that what slows the machine for a while slows both.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from multiprocessing import get_context
from typing import Any

import psycopg

from bench import loads, past, report, world
from bench.figures import Figures
from bench.loads import Load
from bench.proofs import verified
from bench.queues import Queues
from bench.world import World
from core.ids import new_id
from xxxchat.stack import Stack
from xxxchat.stack.folder import LOCAL

MUCH, LITTLE = 10_000_000, 10_000
SPINS_AN_ITEM = 10
ROUNDS = 5
MUST, GOAL = 1.2, 1.05
SPIN_BYTES, ITEM_BYTES = 550, 4_300
"""Measured on disk, with indexes."""
SERVERS_BYTES = 5 * 10**9
"""Two servers with their logs, and what the loads write."""
STARTED_WITHIN_S = 300.0


def _reads(path: str) -> Load:
    """Return signed-in reads of one buyer after the other."""

    def slices(queues: Queues) -> Iterator[Iterator[bytes]]:
        while True:
            yield cycle(queues.world.reads(path))

    return Load(1, slices)


LOADS = {
    "spin alone": loads.LOADS["spin alone"],
    "spins 16": loads.LOADS["spins 16"],
    "purchase": Load(1, loads.purchases),
    "queue read": Load(1, loads.reads(loads.QUEUE)),
    "own spins": _reads("/api/v1/slot-machine/history"),
    "own requests": _reads("/api/v1/queue/items"),
    "own statement": _reads("/api/v1/wallet/statement"),
}


@dataclass
class Side:
    """One stack with its history, and the figures of each load by round."""

    rows: int
    stack: Stack
    queues: Queues
    rounds: dict[str, list[Figures]] = field(default_factory=dict)

    def measure(self, name: str, seconds: float) -> None:
        self.rounds.setdefault(name, []).append(LOADS[name].run(self.stack, self.queues, seconds))

    def summary(self, name: str) -> dict[str, float]:
        """Return the medians of a load's rounds, and its errors."""
        rounds = self.rounds[name]
        return {
            "p50_ms": round(statistics.median(each.p50_ms for each in rounds), 2),
            "p95_ms": round(statistics.median(each.p95_ms for each in rounds), 2),
            "errors": sum(each.errors for each in rounds),
        }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--rows", type=int, default=MUCH, help=f"spins of the large history ({MUCH}), 10 for each item")
    parser.add_argument("--little", type=int, default=LITTLE, help=f"spins of the small one ({LITTLE})")
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=4, metavar="1-60", help="a load (4)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"({ROUNDS})")
    parser.add_argument("--buyers", type=int, default=10_000, help="people who share the spins (10000)")
    parser.add_argument("--performers", type=int, default=100, help="who performed the items (100)")
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def need(rows: int) -> int:
    """Return the bytes of disk that a history needs, the servers included."""
    return SERVERS_BYTES + rows * SPIN_BYTES + rows // SPINS_AN_ITEM * ITEM_BYTES


def side(running: ExitStack, rows: int, options: argparse.Namespace) -> Side:
    """Start a stack, make its people and their past; every buyer's last spin is today's."""
    stack = running.enter_context(Stack(env={"LOG_LEVEL": "WARNING"}, started_within_s=STARTED_WITHIN_S))
    print(f"Writing {rows} spins and {rows // SPINS_AN_ITEM} items.", flush=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as another:  # Django keeps to one database a process
        people = another.submit(populate, stack.environment, stack.database_url, rows, options).result()
    with psycopg.connect(stack.database_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
        owner.execute("CHECKPOINT")
        (size,) = owner.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
    print(f"It takes {size / 1e9:.2f} GB.", flush=True)
    return Side(rows, stack, Queues(stack.url, stack.database_url, people))


def populate(environment: dict[str, str], database_url: str, rows: int, options: argparse.Namespace) -> World:
    """Make the people and their past in the database."""
    written = partial(
        past.write, environment, database_url, spins=max(0, rows - options.buyers), items=rows // SPINS_AN_ITEM
    )
    return world.make(environment, buyers=options.buyers, performers=options.performers, past=written)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every load on both stacks in turn, round by round."""
    began = new_id()
    with ExitStack() as running:
        sides = [side(running, rows, options) for rows in (options.little, options.rows)]
        for number in range(options.rounds):
            for name in LOADS:
                for each in sides if number % 2 == 0 else reversed(sides):
                    each.measure(name, options.seconds)
            print(f"Round {number + 1} of {options.rounds} is done.", flush=True)
        is_right = all(verified(each.stack, first_id=began) for each in sides)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": report.commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "rows": {"little": options.little, "much": options.rows},
        "loads": {name: compared(name, *sides) for name in LOADS},
        "must": MUST,
        "goal": GOAL,
        "ledger": is_right,
    }


def compared(name: str, little: Side, much: Side) -> dict[str, Any]:
    """Return a load's latencies on both, and the median of the rounds' ratios of the median latency."""
    rounds = zip(little.rounds[name], much.rounds[name], strict=True)
    ratio = statistics.median(after.p50_ms / before.p50_ms for before, after in rounds)
    return {"little": little.summary(name), "much": much.summary(name), "ratio": round(ratio, 3)}


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as a table."""
    rows = figures["rows"]
    text = [
        f"p50 and p95 in ms with {rows['little']} and with {rows['much']} spins stored (an item for every ten)",
        f"{'':16}{'p50':>9}{'p95':>9}{'errors':>8}{'p50':>11}{'p95':>9}{'errors':>8}{'ratio':>8}"
        f"  must be at most {figures['must']}, goal {figures['goal']}",
    ]
    for name, each in figures["loads"].items():
        before, after = each["little"], each["much"]
        text.append(
            f"{name:16}{before['p50_ms']:>9}{before['p95_ms']:>9}{before['errors']:>8}"
            f"{after['p50_ms']:>11}{after['p95_ms']:>9}{after['errors']:>8}{each['ratio']:>8}"
        )
    text.append(f"Ledger and spins {'add up' if figures['ledger'] else 'DO NOT ADD UP'} on both.")
    return "\n".join(text)


def main() -> None:
    options = arguments()
    needed, free = need(options.rows) + need(options.little) - SERVERS_BYTES, shutil.disk_usage(LOCAL.parent).free
    print(f"This needs {needed / 1e9:.1f} GB of disk; {free / 1e9:.1f} GB are free.", flush=True)
    if needed > free:
        sys.exit("There is not enough. Fewer rows need less: --rows.")
    figures = measure(options)
    print(table(figures))
    if options.keep:
        print(f"Written to {report.keep(figures, 'history')}.")
    print(json.dumps(figures))
    sys.exit(0 if figures["ledger"] else 1)


if __name__ == "__main__":
    main()
