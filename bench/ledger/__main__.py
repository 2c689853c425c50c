"""`python -m bench.ledger`: the ledger's functions beside pgbench on one server of its own, fsync on, in one run."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg

from bench.ledger import scripts
from bench.ledger.books import PAYERS, PERFORMERS, close_books, open_books, written
from bench.report import commit, keep
from bench.server import database, manage, migrated
from bench.yardstick import CLIENTS, SCALE, Yardstick, rate
from xxxchat.stack.folder import PROJECT

MAX_SETTLED_PER_S = 6_000
CORES = os.cpu_count() or 1
FEW = sorted({1, 2, 4, CORES})
"""Fewer clients than the product has web threads: a ratio depends on how many there are (ADR 0044)."""
MUSTS = {
    "hold": (1.5, CORES),
    "settle with fee": (1.0, CORES),
    "holds in lists of 50": (4.0, CORES),
    "holds in lists of 64": (8.0, 1),
}
"""The minimal ratio of each to pgbench's transactions with as many clients, and with how many it must be reached."""


def main() -> None:
    options = arguments()
    report = measure(options)
    print(table(report))
    if options.keep:
        print(f"Written to {keep(report, 'ledger')}.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=15, metavar="1-60", help="each load (15)")
    parser.add_argument("--clients", type=int, choices=range(1, 65), default=CLIENTS, metavar="1-64",
                        help=f"of pgbench, and Python processes ({CLIENTS}); fewer are tried besides")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run every load between two runs of the yardstick with as many clients; its ratio is to the mean of the two."""
    few = [number for number in FEW if number < options.clients]
    waiting = options.seconds * MAX_SETTLED_PER_S  # for each number of clients
    opened = waiting * (1 + len(few))
    with database("bench-ledger") as server:
        # Function and service are measured as statements that are not prepared, the mode that goes behind any pool.
        environment = migrated(server, guarded=True) | {"DATABASE_PREPARED": "false"}
        with closing(psycopg.connect(server.url, autocommit=True)) as owner:
            print(f"Opening {PAYERS} wallets and {opened} holds that will be settled.", flush=True)
            open_books(owner, waiting=opened)
            bench = Bench(environment, owner, Yardstick(server.url), options.seconds)
            figures = {options.clients: bench.between(bench.loads(options.clients, waiting), options.clients)}
            for place, number in enumerate(few, start=1):
                loads = bench.loads(number, waiting, first=place * waiting)
                figures[number] = bench.between({name: loads[name] for name in MUSTS}, number)
            close_books(owner, waiting=opened)
        verified = json.loads(manage(environment | {"DATABASE_URL": server.url}, "verify_ledger", "--json"))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {"scale": SCALE, "tps": {number: each.tps for number, each in figures.items()}},
        "ledger": verified["ok"],
        "per_second": {number: each.rates for number, each in figures.items()},
        "ratios": ratios(figures, options.clients),
    }


@dataclass(frozen=True)
class Figures:
    """Operations per second of loads, and of pgbench before, between and after them."""

    rates: dict[str, int]
    tps: list[int]

    def ratio(self, name: str) -> float:
        """Return a load's ratio to the two runs of pgbench around it."""
        place = list(self.rates).index(name)
        return round(self.rates[name] * 2 / (self.tps[place] + self.tps[place + 1]), 2)


@dataclass(frozen=True)
class Bench:
    """A server with its books open. `owner`: a connection that may count operations."""

    environment: dict[str, str]
    owner: psycopg.Connection[Any]
    yardstick: Yardstick
    seconds: int
    places: Iterator[int] = field(default_factory=count)  # of the loads in the run

    def between(self, loads: dict[str, Callable[[], float]], clients: int) -> Figures:
        """Run each load, and pgbench with as many clients before, between and after."""
        figures = Figures({}, [round(self.yardstick.tps(self.seconds, clients=clients))])
        for name, load in loads.items():
            figures.rates[name] = round(load())
            figures.tps.append(round(self.yardstick.tps(self.seconds, clients=clients)))
            beside = f"pgbench: {figures.tps[-2]}, {figures.tps[-1]}"
            print(f"{name}, {clients} clients: {figures.rates[name]}/s; {beside}", flush=True)
        return figures

    def loads(self, clients: int, waiting: int, *, first: int = 0) -> dict[str, Callable[[], float]]:
        """Each load by name: what it does a second. Settlements take the `waiting` holds from the `first`."""

        def bare(script: Callable[[int], str], times: int = 1) -> Callable[[], float]:
            return lambda: self.calls(script, times, clients)

        share = waiting // clients // PERFORMERS * PERFORMERS - PERFORMERS // clients  # one performer, one client
        return {
            "hold": bare(lambda load: scripts.hold(scripts.zipf(), load=load)),
            "hold, 10 hot wallets": bare(lambda load: scripts.hold(scripts.among(10), load=load)),
            "hold, 50 hot wallets": bare(lambda load: scripts.hold(scripts.among(50), load=load)),
            "holds in lists of 50": bare(lambda load: scripts.holds(50, load=load), 50),
            "holds in lists of 64": bare(lambda load: scripts.holds(64, load=load), 64),
            "settle with fee": bare(lambda load: scripts.settle(load=load, first=first, share=share)),
            "hold by the Python service": lambda: python(self.environment, "service", self.seconds, clients),
            "hold by the ORM": lambda: python(self.environment, "orm", self.seconds, clients),
        }

    def calls(self, script: Callable[[int], str], times: int, clients: int) -> float:
        """Run a script of one call, each for `times` operations; operations a second. `script`: of a place in the run.

        Raises:
            RuntimeError: not every call wrote its operations.
        """
        before, place = written(self.owner), next(self.places)
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script(place))
            file.flush()
            url = self.environment["DATABASE_URL"]
            per_second, done = rate(url, self.seconds, "-f", file.name, *scripts.variables(place), clients=clients)
        if (operations := written(self.owner) - before) != done * times:
            counts = f"{done} calls of {times} wrote {operations} operations"
            raise RuntimeError(f"{counts}: some were refused, or no hold waited any more (MAX_SETTLED_PER_S).")
        return per_second * times


def python(environment: dict[str, str], way: str, seconds: int, number: int) -> float:
    """Holds a second of as many Python clients as pgbench has, once all of them are ready."""
    command = [sys.executable, "-m", "bench.ledger.clients", way, str(seconds)]
    with ExitStack() as running:
        clients = [
            running.enter_context(
                subprocess.Popen(
                    [*command, str(seed)], cwd=PROJECT, env=os.environ | environment, text=True, bufsize=1,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )
            )
            for seed in range(number)
        ]  # fmt: skip
        if any(_next_output(client) != "ready" for client in clients):
            raise RuntimeError(f"A client of the {way} did not start.")
        for client in clients:
            if client.stdin is not None:
                client.stdin.write("go\n")
        return sum(int(_next_output(client)) for client in clients) / seconds


def _next_output(client: subprocess.Popen[str]) -> str:
    return client.stdout.readline().strip() if client.stdout is not None else ""


def ratios(figures: dict[int, Figures], clients: int) -> dict[str, dict[str, Any]]:
    """Return each ratio with its minimum; those to pgbench for each number of clients."""
    rates = figures[clients].rates
    service = rates["hold by the Python service"]
    return {
        f"{name} / pgbench": {
            "ratio": figures[number].ratio(name),
            "clients": number,
            "must": must,
            "by clients": {tried: figures[tried].ratio(name) for tried in sorted(figures)},
        }
        for name, (must, wanted) in MUSTS.items()
        for number in [min(wanted, clients)]
    } | {
        name: {"ratio": round(value, 2), "must": must}
        for name, value, must in (
            ("10 hot wallets / 50", rates["hold, 10 hot wallets"] / rates["hold, 50 hot wallets"], 0.71),
            ("Python service / function", service / rates["hold"], 0.5),
            ("Python service / ORM", service / rates["hold by the ORM"], 3.0),
        )
    }


def table(report: dict[str, Any]) -> str:
    """Return the figures as a table."""
    text = ["pgbench tpcb-like, fsync on, before, between and after:"]
    for clients, tps in report["yardstick"]["tps"].items():
        text.append(f"  {clients:2} clients  {', '.join(map(str, tps))} tps")
        text += [f"    {name:30}{figure:>8} /s" for name, figure in report["per_second"][clients].items()]
    for name, each in report["ratios"].items():
        ratios = ", ".join(f"{ratio} with {number}" for number, ratio in each.get("by clients", {}).items())
        beside = f" with {each['clients']} clients   ({ratios})" if ratios else ""
        text.append(f"  {name:34}{each['ratio']:>6}  must {each['must']}{beside}")
    text.append(f"The ledger {'adds up' if report['ledger'] else 'DOES NOT ADD UP'} after it.")
    return "\n".join(text)


if __name__ == "__main__":
    main()
