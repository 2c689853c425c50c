"""Database and broker of a stack: ours, unless the environment names others."""

import subprocess
from collections.abc import Mapping

from xxxchat.stack import children
from xxxchat.stack.broker import EmbeddedBroker
from xxxchat.stack.folder import Folder
from xxxchat.stack.postgres import EmbeddedPostgres


class Services:
    """Starts what `DATABASE_URL` and `REDIS_URL` leave open, and stops no more than it started."""

    def __init__(
        self,
        folder: Folder,
        given: Mapping[str, str],
        *,
        durable: bool = True,
        pause: children.Pause | None = None,
    ) -> None:
        kept = folder.secrets()
        self.addresses: dict[str, str] = {}
        self._postgres = (
            None
            if given.get("DATABASE_URL")
            else EmbeddedPostgres(
                folder.database,
                password=kept["DATABASE_PASSWORD"],
                log=folder.postgres_log,
                durable=durable,
                pause=pause,
            )
        )
        self._broker = (
            None
            if given.get("REDIS_URL")
            else EmbeddedBroker(
                folder.broker,
                password=kept["BROKER_PASSWORD"],
                log=folder.broker_log,
                durable=durable,
                pause=pause,
            )
        )

    def start(self) -> None:
        """Start them; `addresses` then holds the variables for those that are ours."""
        if self._postgres is not None:
            self._postgres.start()
            self.addresses["DATABASE_URL"] = self._postgres.url
        if self._broker is not None:
            self._broker.start()
            self.addresses["REDIS_URL"] = self._broker.url

    def stop(self) -> None:
        """Stop them: safe at any moment, also when `start` did not come to its end."""
        if self._broker is not None:
            self._broker.stop()
        if self._postgres is not None:
            self._postgres.stop()

    def processes(self) -> dict[str, subprocess.Popen[bytes]]:
        """Return the running ones by the name that a message calls them."""
        ours = {"postgres": self._postgres, "broker": self._broker}
        return {name: server.process for name, server in ours.items() if server and server.process}
