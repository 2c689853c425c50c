"""`python -m bench`: spins, purchases and the queue's commands over HTTP beside pgbench on the same server, in one run.

`python -m bench profile`: where the time of one spin and one purchase goes.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bench import cpu, load, profile, queues, world
from bench.report import commit, keep
from bench.yardstick import CLIENTS, SCALE, Yardstick
from xxxchat.stack import Stack

WARM_UP_S = 2.0
MIN_SHOWN_MS = 0.1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["main-job", "profile"], default="main-job")
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=15, metavar="1-60", help="each load (15)")
    parser.add_argument("--buyers", type=int, default=4_000, help="people who spin and buy (4000)")
    parser.add_argument("--performers", type=int, default=100, help="queues they join (100)")
    parser.add_argument("--web", type=int, default=2, help="web processes (2)")
    parser.add_argument("--connections", type=int, default=16, help="connections kept open by the load (16)")
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run everything on one fresh stack, with the yardstick before, between and after."""
    with Stack(env={"LOG_LEVEL": "WARNING"}, web_processes=options.web) as stack:
        print(f"Making {options.buyers} buyers and {options.performers} performers.", flush=True)
        people = world.make(stack.environment, buyers=options.buyers, performers=options.performers)
        yardstick = Yardstick(stack.database_url)
        before = yardstick.tps(options.seconds)
        spins = _load(stack, people.spins(), options)
        between = yardstick.tps(options.seconds)
        purchases = _load(stack, people.purchases(), options)
        after = yardstick.tps(options.seconds)
        rest = queues.loads(stack, people, seconds=options.seconds, connections=options.connections)
        last = yardstick.tps(options.seconds)
        verified = json.loads(stack.manage("verify_ledger", "--json").stdout)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {"tps": [before, between, after, last], "scale": SCALE, "clients": CLIENTS},
        "ledger": verified["ok"],
        "loads": {
            "spins": spins | {"ratio": round(spins["per_second"] * 2 / (before + between), 3)},
            "purchases": purchases | {"ratio": round(purchases["per_second"] * 2 / (between + after), 3)},
            **{
                name: each | {"ratio": round(each["per_second"] * 2 / (after + last), 3)} for name, each in rest.items()
            },
        },
    }


def _load(stack: Stack, requests: Iterator[bytes], options: argparse.Namespace) -> dict[str, Any]:
    """Warm up, measure, and count the processor time of each part's processes per successful request."""
    load.run(stack.url, requests, seconds=WARM_UP_S, connections=options.connections)
    before, own = cpu.spent(stack.processes), time.process_time()
    measured = load.run(stack.url, requests, seconds=options.seconds, connections=options.connections)
    costs = {"client": time.process_time() - own}
    costs |= {name: spent - before[name] for name, spent in cpu.spent(stack.processes).items()}
    each = max(measured.done, 1)
    return queues.figures(measured) | {"cpu_ms": {name: round(cost / each * 1000, 2) for name, cost in costs.items()}}


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table."""
    rates = ", ".join(f"{tps:.0f}" for tps in report["yardstick"]["tps"])
    text = [
        f"pgbench tpcb-like in between: {rates} tps (scale {SCALE}, {CLIENTS} clients, fsync on)",
        f"{'':17}{'per s':>9}{'ratio':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'errors':>8}  statuses",
    ]
    for name, figures in report["loads"].items():
        text.append(
            f"{name:17}{figures['per_second']:>9}{figures['ratio']:>8}{figures['p50_ms']:>9}{figures['p95_ms']:>9}"
            f"{figures['p99_ms']:>9}{figures['errors']:>8}  {figures['statuses']}"
        )
    text.append("a stream's figures are events a second at the clients, and the time from an event's row to them")
    for name, figures in report["loads"].items():
        if "cpu_ms" not in figures:
            continue
        costs = ", ".join(f"{part} {ms}" for part, ms in figures["cpu_ms"].items() if ms >= MIN_SHOWN_MS)
        text.append(f"processor ms of one of the {name}: {costs}")
    text.append(f"The ledger {'adds up' if report['ledger'] else 'DOES NOT ADD UP'} after it.")
    return "\n".join(text)


def main() -> None:
    options = arguments()
    if options.what == "profile":
        profile.run()
        return
    report = measure(options)
    print(table(report))
    if options.keep:
        print(f"Written to {keep(report, 'main-job')}.")


if __name__ == "__main__":
    main()
