"""The yardstick: `pgbench -b tpcb-like`, PostgreSQL's own benchmark, on the server that the product uses."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from xxxchat.stack import reach

SCALE = 10
CLIENTS = 8
TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


class Yardstick:
    """A database of pgbench's own beside the product's: `scale` branches, each of ten tellers and 100,000 accounts."""

    def __init__(self, database_url: str, *, scale: int = SCALE) -> None:
        name = "yardstick"
        self.url = urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        pgbench(self.url, "-i", "-q", "-s", str(scale))

    def tps(self, seconds: int, *, clients: int = CLIENTS) -> float:
        """Transactions per second of tpcb-like over `seconds`; clients as many as the product has web threads."""
        return rate(self.url, seconds, "-b", "tpcb-like", clients=clients)[0]


def rate(url: str, seconds: int, *script: str, clients: int = CLIENTS) -> tuple[float, int]:
    """Transactions per second of a script (`-b NAME` or `-f FILE`) over `seconds`, and how many there were.

    Raises:
        RuntimeError: pgbench printed no rate, or a transaction failed.
    """
    output = pgbench(url, *script, "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds), "-n")
    found, done, failed = TPS.search(output), DONE.search(output), FAILED.search(output)
    if found is None or done is None or (failed is not None and failed.group(1) != "0"):
        raise RuntimeError(f"pgbench: {output}")
    return float(found.group(1)), int(done.group(1))


def pgbench(url: str, *arguments: str) -> str:
    """Run PostgreSQL's own load generator; return its output."""
    program: Path = reach.programs(None) / "pgbench"
    done = subprocess.run([str(program), *arguments, url], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
    return done.stdout
