"""Database and broker of a stack: ours, unless the environment names others."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from xxxchat.stack import children
from xxxchat.stack.broker import EmbeddedBroker
from xxxchat.stack.folder import Folder
from xxxchat.stack.part import Part
from xxxchat.stack.postgres import EmbeddedPostgres


class Services:
    """Runs what `DATABASE_URL` and `REDIS_URL` leave open, or has a supervisor run it; stops what it started itself."""

    def __init__(self, *, durable: bool = True, pause: children.Pause | None = None) -> None:
        self.variables: dict[str, str] = {}
        self._durable = durable
        self._pause = pause
        self._servers: list[EmbeddedPostgres | EmbeddedBroker] = []

    def prepare(self, folder: Folder, given: Mapping[str, str]) -> None:
        """Make ready what is ours; `variables` then holds the environment variables that name it."""
        if not given.get("DATABASE_URL"):
            self._prepare("DATABASE_URL", self._postgres(folder))
            self.variables["DATABASE_PREPARED"] = given.get("DATABASE_PREPARED") or "true"  # nothing is in between
        if not given.get("REDIS_URL"):
            self._prepare("REDIS_URL", self._broker(folder))

    def start(self, folder: Folder, given: Mapping[str, str]) -> None:
        """Start them as processes of ours; `variables` as after `prepare`."""
        self.prepare(folder, given)
        for server in self._servers:
            server.start()

    @property
    def parts(self) -> list[Part]:
        """What a supervisor is to run, after `prepare`."""
        return [server.part for server in self._servers]

    def wait(self, check: Callable[[str], None]) -> None:
        """Wait until those that a supervisor runs are ready. `check` raises if the named part has ended."""
        for server in self._servers:
            server.wait(partial(check, server.part.name))

    def stop(self) -> None:
        """Stop them side by side: safe at any moment, also when `start` failed halfway."""
        with ThreadPoolExecutor(max_workers=2) as threads:
            for stopped in [threads.submit(server.stop) for server in self._servers]:
                stopped.result()

    @property
    def app_database_url(self) -> str | None:
        """The database's address for the role that runs the product; None where the database is not ours."""
        return next((each.app_url for each in self._servers if isinstance(each, EmbeddedPostgres)), None)

    def _prepare(self, variable: str, server: EmbeddedPostgres | EmbeddedBroker) -> None:
        self._servers.append(server)  # first: `stop` must find it however far this comes
        server.prepare()
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
