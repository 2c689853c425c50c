"""The parts of a running stack under their supervisor, in the order in which they need each other."""

import time
import urllib.request
from collections.abc import Callable, Mapping

from xxxchat.stack import children, lineup, ports
from xxxchat.stack.control import Supervisor
from xxxchat.stack.errors import StackError
from xxxchat.stack.folder import Folder
from xxxchat.stack.part import PartStatus
from xxxchat.stack.postgres import tail
from xxxchat.stack.services import Services
from xxxchat.stack.terminal import Terminal, show

READY_WITHIN_S = 60.0
POLL_S = 0.1
TRIES = 3
"""Failed starts of a part after which the start of a stack is given up. A part of a stack that is up is never."""


class Parts:
    """All parts of one stack. Two steps start it, with the migrations in between; `stop` is safe at any moment."""

    def __init__(
        self,
        folder: Folder,
        services: Services,
        listen: list[str],
        environment: Mapping[str, str],
        pause: children.Pause,
    ) -> None:
        self._folder = folder
        self._services = services
        self._inner = lineup.InnerPorts(*ports.free_ports(5))
        self._front = listen[0]
        product = lineup.parts(folder, environment, listen, self._inner)
        self._names = [part.name for part in product]
        self._standin_port = int(environment.get("RRR_STANDIN_PORT") or 0)
        self._supervisor = Supervisor(folder, [*services.parts, *product], environment, pause)
        self._terminal = Terminal(folder, self._names)
        self._pause = pause

    def start_services(self) -> None:
        """Start the supervisor, with database, broker and RedRoomRewards where they are ours, and wait for them.

        Raises:
            StackError: one of them does not start.
        """
        self._supervisor.start()
        if self._standin_port:
            self._supervisor.start_part(lineup.STANDIN)
        self._services.wait(self._check)
        if self._standin_port:
            self._wait_until(lambda: not ports.is_free(self._standin_port), lineup.STANDIN)

    def start_product(self) -> None:
        """Start the product's processes and wait until `/readyz` answers 200 through the proxy.

        The proxy comes last: it would log each request that meets no web process yet.

        Raises:
            StackError: it was not ready in time, or a process does not start.
        """
        for name in self._names:
            if name not in (lineup.PROXY, lineup.STANDIN):
                self._supervisor.start_part(name)
        web = f"{ports.LOOPBACK}:{self._inner.web}"
        self._wait_until(lambda: self._listen(web), "web", "commands", "events")
        self._supervisor.start_part(lineup.PROXY)
        self._wait_until(lambda: _is_ready(self._front), lineup.PROXY)

    def watch(self) -> None:
        """Show what is new; start everything again if the supervisor itself has ended.

        Raises:
            StackError: it cannot be started again.
        """
        if how := self._supervisor.how_it_ended():
            show(f"The supervisor ended ({how}). Every part is started again.")
            children.sweep()
            self._terminal.forget_restarts()
            self.start_services()
            self.start_product()
        self._terminal.update(self._status())

    def stop(self) -> None:
        """Stop everything, the product's processes first."""
        self._supervisor.stop()

    def _wait_until(self, is_ready: Callable[[], bool], *needed: str) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready():
            for name in needed:
                self._check(name)
            self._terminal.update(self._status())
            if time.monotonic() > deadline:
                raise StackError(f"{', '.join(needed)}: not ready after {READY_WITHIN_S:.0f} s; see the lines above.")
            self._pause(POLL_S)

    def _listen(self, web: str) -> bool:
        """Whether web is ready and the other servers listen."""
        others = (self._inner.commands, self._inner.events)
        return _is_ready(web) and not any(ports.is_free(port) for port in others)

    def _check(self, name: str) -> None:
        """Raise StackError if a part that the start waits for has failed too often, or the supervisor has ended."""
        if how := self._supervisor.how_it_ended():
            raise StackError(f"The supervisor ended ({how}).")
        for part in self._status():
            if part.name == name and part.restarts >= TRIES:
                raise StackError(f"{name} does not start ({part.reason}). {tail(self._folder.log_of(name))}")

    def _status(self) -> list[PartStatus]:
        try:
            return self._supervisor.status()
        except StackError:
            return []  # it is about to end, or too busy: the next look shows it


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=1) as answer:
            return int(answer.status) == 200
    except OSError:
        return False  # not listening yet, or 503
