"""The yardstick: `pgbench -b tpcb-like`, PostgreSQL's own measure, against the very server that the product uses."""

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


class Yardstick:
    """A database of pgbench's own beside the product's."""

    NAME = "yardstick"

    def __init__(self, database_url: str) -> None:
        self.url = urlunsplit(urlsplit(database_url)._replace(path=f"/{self.NAME}"))
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(self.NAME)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.NAME)))
        self._run("-i", "-q", "-s", str(SCALE))

    def tps(self, seconds: int) -> float:
        """Transactions per second of tpcb-like over `seconds`, as many clients as the product has web threads."""
        told = self._run("-b", "tpcb-like", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-n")
        found = TPS.search(told)
        if found is None:
            raise RuntimeError(f"pgbench told no rate: {told}")
        return float(found.group(1))

    def _run(self, *arguments: str) -> str:
        program: Path = reach.programs(None) / "pgbench"
        done = subprocess.run(  # noqa: S603  our own command line
            [str(program), *arguments, self.url], check=True, capture_output=True, text=True
        )
        return done.stdout
