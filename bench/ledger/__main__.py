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
from bench.ledger.books import PAYERS, close_books, open_books
from bench.report import commit, keep
from bench.server import database, manage, migrated
from bench.yardstick import CLIENTS, SCALE, Yardstick, rate
from xxxchat.stack.folder import PROJECT

MOST_SETTLED_PER_S = 4_000


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
    """Run every load between two runs of the yardstick; its ratio is to the mean of the two."""
    with database("bench-ledger") as server:
        environment = migrated(server, guarded=True)
        print(f"Opening {PAYERS} wallets and the holds that will be settled.", flush=True)
        with closing(psycopg.connect(server.url, autocommit=True)) as owner:
            open_books(owner, waiting=options.seconds * MOST_SETTLED_PER_S)
        yardstick = Yardstick(server.url)
        rates, tps = {}, [yardstick.tps(options.seconds, clients=options.clients)]
        for name, load in loads(environment, options.seconds, options.clients).items():
            rates[name] = load()
            tps.append(yardstick.tps(options.seconds, clients=options.clients))
            print(f"{name}: {rates[name]:.0f}/s; pgbench: {tps[-2]:.0f}, {tps[-1]:.0f}", flush=True)
        with closing(psycopg.connect(server.url, autocommit=True)) as owner:
            left = close_books(owner)
        verified = json.loads(manage(environment | {"DATABASE_URL": server.url}, "verify_ledger", "--json"))
    if left == 0:
        raise SystemExit("Every waiting hold was settled before the time was over: raise MOST_SETTLED_PER_S.")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "options": vars(options),
        "yardstick": {"tps": [round(each) for each in tps], "scale": SCALE, "clients": options.clients},
        "ledger": verified["ok"],
        "per_second": {name: round(per_second) for name, per_second in rates.items()},
        "ratios": ratios(rates, tps),
    }


def loads(environment: dict[str, str], seconds: int, clients: int) -> dict[str, Callable[[], float]]:
    """Each load by name: what it does a second."""
    url = environment["DATABASE_URL"]

    def bare(script: str, times: int = 1) -> Callable[[], float]:
        def run() -> float:
            with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
                file.write(script)
                file.flush()
                return rate(url, seconds, "-f", file.name, clients=clients) * times

        return run

    return {
        "hold": bare(scripts.hold(scripts.zipf())),
        "hold, 10 hot wallets": bare(scripts.hold(scripts.among(10))),
        "hold, 50 hot wallets": bare(scripts.hold(scripts.among(50))),
        "holds in lists of 50": bare(scripts.holds(), scripts.LIST),
        "settle with fee": bare(scripts.settle()),
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


def ratios(rates: dict[str, float], tps: list[float]) -> dict[str, dict[str, float]]:
    """What each figure is measured against, and what it must reach."""
    beside = {
        name: rates[name] * 2 / (before + after) for name, before, after in zip(rates, tps, tps[1:], strict=False)
    }
    service = rates["hold by the Python service"]
    return {
        name: {"ratio": round(value, 2), "must": must}
        for name, value, must in (
            ("hold / pgbench", beside["hold"], 1.5),
            ("settle with fee / pgbench", beside["settle with fee"], 1.0),
            ("holds in lists of 50 / pgbench", beside["holds in lists of 50"], 4.0),
            ("10 hot wallets / 50", rates["hold, 10 hot wallets"] / rates["hold, 50 hot wallets"], 0.71),
            ("Python service / function", service / rates["hold"], 0.5),
            ("Python service / ORM", service / rates["hold by the ORM"], 3.0),
        )
    }


def table(report: dict[str, Any]) -> str:
    """The figures as a table for people."""
    rates, clients = ", ".join(map(str, report["yardstick"]["tps"])), report["yardstick"]["clients"]
    lines = [f"pgbench tpcb-like before, between and after: {rates} tps (scale {SCALE}, {clients} clients, fsync on)"]
    lines += [f"  {name:30}{figure:>8} /s" for name, figure in report["per_second"].items()]
    lines += [f"  {name:34}{each['ratio']:>6}  must {each['must']}" for name, each in report["ratios"].items()]
    lines.append(f"The ledger {'adds up' if report['ledger'] else 'DOES NOT ADD UP'} after it.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
