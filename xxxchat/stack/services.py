"""Database and broker of a stack: ours, unless the environment names others."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from xxxchat.stack import children
from xxxchat.stack.broker import EmbeddedBroker
from xxxchat.stack.folder import Folder
from xxxchat.stack.postgres import EmbeddedPostgres


class Services:
    """Starts what `DATABASE_URL` and `REDIS_URL` leave open, and stops no more than it started."""

    def __init__(self, *, durable: bool = True, pause: children.Pause | None = None) -> None:
        self.variables: dict[str, str] = {}
        self._durable = durable
        self._pause = pause
        self._started: dict[str, EmbeddedPostgres | EmbeddedBroker] = {}

    def start(self, folder: Folder, given: Mapping[str, str]) -> None:
        """Start them; `variables` then holds the environment variables of those that are ours."""
        if not given.get("DATABASE_URL"):
            self._start("postgres", "DATABASE_URL", self._postgres(folder))
            self.variables["DATABASE_PREPARED"] = given.get("DATABASE_PREPARED") or "true"  # nothing is in between
        if not given.get("REDIS_URL"):
            self._start("broker", "REDIS_URL", self._broker(folder))

    def stop(self) -> None:
        """Stop them side by side: safe at any moment, also when `start` failed halfway."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            for stopped in [threads.submit(server.stop) for server in self._started.values()]:
                stopped.result()

    @property
    def app_database_url(self) -> str | None:
        """The database's address for the role that runs the product; None where the database is not ours."""
        server = self._started.get("postgres")
        return server.app_url if isinstance(server, EmbeddedPostgres) else None

    def processes(self) -> dict[str, subprocess.Popen[bytes]]:
        """Return the running ones by name."""
        return {name: server.process for name, server in self._started.items() if server.process}

    def _start(self, name: str, variable: str, server: EmbeddedPostgres | EmbeddedBroker) -> None:
        self._started[name] = server  # first: `stop` must find it however far its start came
        server.start()
        self.variables[variable] = server.url

    def _postgres(self, folder: Folder) -> EmbeddedPostgres:
        return EmbeddedPostgres(
            folder.database,
            password=folder.secrets()["DATABASE_PASSWORD"],
            log=folder.postgres_log,
            durable=self._durable,
            pause=self._pause,
        )

    def _broker(self, folder: Folder) -> EmbeddedBroker:
        return EmbeddedBroker(
            folder.broker,
            password=folder.secrets()["BROKER_PASSWORD"],
            log=folder.broker_log,
            durable=self._durable,
            pause=self._pause,
        )
