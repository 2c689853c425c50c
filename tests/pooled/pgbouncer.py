"""A PgBouncer in front of a database server, on a free port, in transaction mode."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.programs import program
from xxxchat.stack import children, ports, reach
from xxxchat.stack.children import Account

ANSWERS_WITHIN_S = 10.0
SETTINGS = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = pooler
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 500
server_lifetime = {lifetime_s}
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pool(url: str, folder: Path, *, size: int = 20, lifetime_s: int = 3600) -> Iterator[str]:
    """Run a pool in front of the server of `url`; yield the address of the same database behind it.

    `size`: server connections per database and user. `lifetime_s` 0: none is used twice, so that a setting of the
    database reaches the next transaction and nobody can leave anything behind in a session.
    """
    place, port = urlsplit(url), ports.free_ports(1)[0]
    server = f"host={place.hostname} port={place.port or 5432} user={place.username}"
    server += f" password={place.password}" if place.password else ""
    account = children.unprivileged() if os.geteuid() == 0 else None
    settings = SETTINGS.format(server=server, port=port, size=size, lifetime_s=lifetime_s)
    file = reach.write_private(_reachable(folder, account) / "pgbouncer.ini", settings, account)
    with (folder / "pgbouncer.log").open("wb") as log:
        pooler = program("PGBOUNCER_PATH", "pgbouncer")
        process = children.spawn([pooler, file], env={}, cwd=Path("/"), account=account, output=log)
    pooled = urlunsplit(place._replace(netloc=f"{place.username}@127.0.0.1:{port}"))
    try:
        _wait(pooled, process, folder / "pgbouncer.log")
        yield pooled
    finally:
        children.kill_tree(process)
        shutil.rmtree(file.parent)


def _reachable(folder: Path, account: Account | None) -> Path:
    if account is None or reach.reachable(folder, account):
        made = folder / "pgbouncer"
    else:
        made = reach.outside(account) / f"{folder.parent.name}-{folder.name}-pgbouncer"
    made.mkdir(parents=True, exist_ok=True)
    return made


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + ANSWERS_WITHIN_S
    postgres = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(psycopg.OperationalError), psycopg.connect(postgres, connect_timeout=2) as connection:
            connection.execute("SELECT 1")
            return
        threading.Event().wait(0.02)
    raise AssertionError(f"PgBouncer does not answer: {log.read_text()}")
