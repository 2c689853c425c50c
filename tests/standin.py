"""The stand-in RedRoomRewards as a process of a test's own."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from loyalty.standin.steering import Steering
from tests.stack.processes import until
from xxxchat.stack import children, ports
from xxxchat.stack.folder import PROJECT

CLIENT_ID = "xxxchat-test"
CLIENT_SECRET = "test-only-client-secret"
WEBHOOK_SECRET = "test-only-webhook-secret-of-32-characters"
STARTS_WITHIN_S = 30.0


class StandIn:
    """`with StandIn(file) as standin: …`. It keeps its address and its file when it is killed and started again."""

    def __init__(self, file: Path, *arguments: str) -> None:
        (self._port,) = ports.free_ports(1)
        self.url = f"http://{ports.LOOPBACK}:{self._port}"
        self.steering = Steering(self.url)
        self._arguments = ("--port", str(self._port), "--storage", str(file), *arguments)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.steering.close()
        if self._process is not None:
            children.stop(self._process, (signal.SIGTERM, 5.0))
            children.kill_tree(self._process)

    @property
    def settings(self) -> dict[str, str]:
        """The variables by which the product finds it."""
        return {
            "LOYALTY_BACKEND": "redroomrewards",
            "RRR_BASE_URL": self.url,
            "RRR_CLIENT_ID": CLIENT_ID,
            "RRR_CLIENT_SECRET": CLIENT_SECRET,
            "RRR_WEBHOOK_SECRET": WEBHOOK_SECRET,
        }

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "loyalty.standin", *self._arguments]
        environment = os.environ | self.settings
        self._process = children.spawn(command, env=environment, cwd=PROJECT, when_orphaned=signal.SIGKILL)
        until(self._answers, within_s=STARTS_WITHIN_S)

    def kill(self) -> None:
        """SIGKILL it, whatever it is doing."""
        assert self._process is not None
        children.kill_tree(self._process)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the stand-in ended"
        try:
            self.steering.stats()
        except httpx.TransportError:
            return False  # not listening yet
        return True
