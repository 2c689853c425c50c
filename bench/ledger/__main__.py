"""`python -m bench.ledger`: the ledger's functions beside pgbench on one server of its own, fsync on, in one run."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import Any

import psycopg

from bench.ledger import scripts
from bench.ledger.books import PAYERS, close_books, open_books, written
from bench.report import commit, keep
from bench.server import database, manage, migrated
from bench.yardstick import CLIENTS, SCALE, Yardstick, rate
from xxxchat.stack.folder import PROJECT

MOST_SETTLED_PER_S = 6_000
SMALL = 1
"""The scale of pgbench's defaults, for comparison only: 100,000 accounts under one branch (ADR 0042)."""


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
                        help=f"of pgbench, and Python processes ({CLIENTS})")  # fmt: skip
    parser.add_argument("--keep", action="store_true", help="write the figures to bench/reports/")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run every load between two runs of each yardstick; its ratio is to the mean of the two."""
    waiting = options.seconds * MOST_SETTLED_PER_S
    with database("bench-ledger") as server:
        environment = migrated(server, guarded=True)
        with closing(psycopg.connect(server.url, autocommit=True)) as owner:
            print(f"Opening {PAYERS} wallets and {waiting} holds that will be settled.", flush=True)
            open_books(owner, waiting=waiting)
            yardsticks = {scale: Yardstick(server.url, scale=scale) for scale in (SCALE, SMALL)}

            def lay() -> dict[int, float]:
                return {scale: each.tps(options.seconds, clients=options.clients) for scale, each in yardsticks.items()}

            rates, tps = {}, [lay()]
            for name, load in loads(environment, owner, options.seconds, options.clients, waiting).items():
                rates[name] = load()
                tps.append(lay())
                print(f"{name}: {rates[name]:.0f}/s; pgbench: {tps[-2][SCALE]:.0f}, {tps[-1][SCALE]:.0f}", flush=True)
            close_books(owner, waiting=waiting)
        verified = json.loads(manage(environment | {"DATABASE_URL": server.url}, "verify_ledger", "--json"))
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {
            "clients": options.clients,
            "tps": {f"scale {scale}": [round(each[scale]) for each in tps] for scale in yardsticks},
        },
        "ledger": verified["ok"],
        "per_second": {name: round(per_second) for name, per_second in rates.items()},
        "ratios": ratios(rates, tps),
    }


def loads(
    environment: dict[str, str], owner: psycopg.Connection[Any], seconds: int, clients: int, waiting: int
) -> dict[str, Callable[[], float]]:
    """Each load by name: what it does a second."""
    url = environment["DATABASE_URL"]

    def bare(script: str, times: int = 1) -> Callable[[], float]:
        def run() -> float:
            before = written(owner)
            with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
                file.write(script)
                file.flush()
                per_second, done = rate(url, seconds, "-f", file.name, *scripts.SETTINGS, clients=clients)
            if (operations := written(owner) - before) != done * times:
                told = f"{done} calls of {times} wrote {operations} operations"
                raise RuntimeError(f"{told}: some were refused, or no hold waited any more (MOST_SETTLED_PER_S).")
            return per_second * times

        return run

    return {
        "hold": bare(scripts.hold(scripts.zipf(), load=1)),
        "hold, 10 hot wallets": bare(scripts.hold(scripts.among(10), load=2)),
        "hold, 50 hot wallets": bare(scripts.hold(scripts.among(50), load=3)),
        "holds in lists of 50": bare(scripts.holds(load=4), scripts.LIST),
        "settle with fee": bare(scripts.settle(load=5, waiting=waiting, clients=clients)),
        "hold by the Python service": lambda: python(environment, "service", seconds, clients),
        "hold by the ORM": lambda: python(environment, "orm", seconds, clients),
    }


def python(environment: dict[str, str], way: str, seconds: int, number: int) -> float:
    """Holds a second of as many Python clients as pgbench has, once all of them are ready."""
    command = [sys.executable, "-m", "bench.ledger.clients", way, str(seconds)]
    with ExitStack() as running:
        clients = [
            running.enter_context(
                subprocess.Popen(  # noqa: S603  our own command line
                    [*command, str(seed)], cwd=PROJECT, env=os.environ | environment, text=True, bufsize=1,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )
            )
            for seed in range(number)
        ]  # fmt: skip
        if any(_told(client) != "ready" for client in clients):
            raise RuntimeError(f"A client of the {way} did not start.")
        for client in clients:
            if client.stdin is not None:
                client.stdin.write("go\n")
        return sum(int(_told(client)) for client in clients) / seconds


def _told(client: subprocess.Popen[str]) -> str:
    return client.stdout.readline().strip() if client.stdout is not None else ""


def ratios(rates: dict[str, float], tps: list[dict[int, float]]) -> dict[str, dict[str, float]]:
    """What each figure is measured against, and what it must reach."""

    def beside(scale: int, name: str) -> float:
        place = list(rates).index(name)
        return round(rates[name] * 2 / (tps[place][scale] + tps[place + 1][scale]), 2)

    musts = {"hold": 1.5, "settle with fee": 1.0, "holds in lists of 50": 4.0}
    service = rates["hold by the Python service"]
    return {
        f"{name} / pgbench": {"ratio": beside(SCALE, name), f"scale {SMALL}": beside(SMALL, name), "must": must}
        for name, must in musts.items()
    } | {
        name: {"ratio": round(value, 2), "must": must}
        for name, value, must in (
            ("10 hot wallets / 50", rates["hold, 10 hot wallets"] / rates["hold, 50 hot wallets"], 0.71),
            ("Python service / function", service / rates["hold"], 0.5),
            ("Python service / ORM", service / rates["hold by the ORM"], 3.0),
        )
    }


def table(report: dict[str, Any]) -> str:
    """The figures as a table for people."""
    lines = [f"pgbench tpcb-like, {report['yardstick']['clients']} clients, fsync on, before, between and after:"]
    lines += [f"  {scale:10}{', '.join(map(str, rates))} tps" for scale, rates in report["yardstick"]["tps"].items()]
    lines += [f"  {name:30}{figure:>8} /s" for name, figure in report["per_second"].items()]
    for name, each in report["ratios"].items():
        smaller = f"   (to scale {SMALL}: {each[f'scale {SMALL}']})" if f"scale {SMALL}" in each else ""
        lines.append(f"  {name:34}{each['ratio']:>6}  must {each['must']}{smaller}")
    lines.append(f"The ledger {'adds up' if report['ledger'] else 'DOES NOT ADD UP'} after it.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
