"""Start the whole product in order, watch it, and stop all of it: services, migrations, world, processes."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import IO

from xxxchat.stack import children, lineup, ports
from xxxchat.stack.errors import StackError, StopRequested
from xxxchat.stack.folder import PROJECT, Folder
from xxxchat.stack.postgres import APP_ROLE
from xxxchat.stack.services import Services
from xxxchat.stack.signals import Signals

READY_WITHIN_S = 60.0
POLL_S = 0.1
WATCH_S = 0.5
PROCESSES_STOP_WITHIN_S = 1.0
DEFAULTS = {"DEMO_PASSWORD": "demo-only-password", "TRUSTED_PROXIES": "1"}
FIXED = {"APP_MODE": "demo", "DJANGO_SETTINGS_MODULE": "xxxchat.settings", "PYTHONUNBUFFERED": "1"}
LOGINS = """
  users       alice  bob  carol
  performers  ruby  jade
  staff       admin  support  finance  games  auditor
  service     arcade"""


class Launcher:
    """One run of one stack. `run` returns the exit status: 0 after a signal to stop, 1 when a part failed."""

    def __init__(self, folder: Folder, given: Mapping[str, str], signals: Signals) -> None:
        self._folder = folder
        self._given = dict(given)
        self._signals = signals
        self._services = Services(pause=signals.pause)
        self._step: subprocess.Popen[bytes] | None = None
        self._manager: subprocess.Popen[bytes] | None = None
        self._report: IO[bytes] | None = None
        self._pids: dict[str, int] = {}
        self._ended = ""

    def run(self) -> int:
        """Start, watch until a signal to stop or the end of a part, then stop everything."""
        children.adopt_orphans()
        try:
            self._folder.acquire()
            self._start()
            self._watch()
        except StopRequested:
            show("Stopping.")
            return 0
        except StackError as error:
            show(f"The stack stops: {error}")
            return 1
        finally:
            self._stop()
        return 0

    def _start(self) -> None:
        url, listen = lineup.addresses(self._given)
        show("Starting database and broker.")
        self._services.start(self._folder, self._given)
        environment = self._environment()
        show("Applying migrations and seeding the demo world.")
        self._manage("migrate", environment, "--noinput", "--verbosity", "0")
        owner, ours = environment["DATABASE_URL"], self._services.app_database_url
        if ours:
            self._manage("guard_ledger", environment, "--role", APP_ROLE, "--verbosity", "0")
            environment["DATABASE_URL"] = ours
        self._manage("seed_demo", environment)
        inner = lineup.InnerPorts(*ports.free_ports(2))
        self._start_processes(lineup.commands(self._folder, environment, listen, inner), environment)
        self._wait_until_ready(inner, listen[0])
        processes = {name: process.pid for name, process in self._services.processes().items()}
        self._folder.remember(
            {"url": url, "database": owner, "environment": environment, "processes": processes | self._pids}
        )
        show(f"\nReady: {url}\n{LOGINS}\n\n  password    {environment['DEMO_PASSWORD']}\n\nCtrl-C stops everything.\n")

    def _environment(self) -> dict[str, str]:
        """Return what every process of the product runs in; an empty variable counts as unset."""
        kept = self._folder.secrets()
        environment = {name: kept[name] for name in ("SECRET_KEY", "SEED_KEY")}
        environment |= DEFAULTS | {
            "STATIC_ROOT": str(self._folder.static),
            "PROMETHEUS_MULTIPROC_DIR": str(self._folder.metrics),
        }
        environment |= {name: value for name, value in self._given.items() if value}
        own_home = {name: str(self._folder.root) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}  # the proxy writes
        return environment | self._services.variables | FIXED | own_home

    def _manage(self, command: str, environment: Mapping[str, str], *arguments: str) -> None:
        """Run a management command to its end, before web listens."""
        command_line = [sys.executable, "manage.py", command, *arguments]
        self._step = children.spawn(command_line, env=environment, cwd=PROJECT)
        while self._step.poll() is None:
            self._signals.pause(POLL_S)
        if self._step.returncode:
            raise StackError(f"`manage.py {command}` failed ({children.how_it_ended(self._step.returncode)}).")

    def _start_processes(self, commands: Mapping[str, str], environment: Mapping[str, str]) -> None:
        report_fd, manager_fd = os.pipe()
        os.set_blocking(report_fd, False)
        self._report = open(report_fd, "rb", buffering=0)  # noqa: SIM115  lives as long as the manager
        file = self._folder.write("processes.json", commands)
        command = [sys.executable, "-m", "xxxchat.stack.manager", str(file), str(manager_fd)]
        try:
            self._manager = children.spawn(command, env=environment, cwd=PROJECT, pass_fds=[manager_fd])
        finally:
            os.close(manager_fd)

    def _wait_until_ready(self, inner: lineup.InnerPorts, front: str) -> None:
        """Wait for events and web themselves, then for the way through the proxy, which would log failed tries."""
        deadline = time.monotonic() + READY_WITHIN_S
        web = f"{ports.LOOPBACK}:{inner.web}"
        while ports.is_free(inner.events) or not (self._pids and _is_ready(web) and _is_ready(front)):
            self._check()
            if time.monotonic() > deadline:
                raise StackError(f"/readyz was not 200 after {READY_WITHIN_S:.0f} s; see the lines above.")
            self._signals.pause(POLL_S)

    def _watch(self) -> None:
        while True:
            self._check()
            self._signals.pause(WATCH_S)

    def _check(self) -> None:
        """Raise if any part has ended, naming it."""
        self._read_report()
        if self._ended:
            raise StackError(self._ended)
        parts = self._services.processes()
        if self._manager is not None:
            parts["manager"] = self._manager
        for name, process in parts.items():
            if process.poll() is not None:
                raise StackError(f"{name} ended: {children.how_it_ended(process.returncode)}")

    def _read_report(self) -> None:
        """Read the manager's new messages (whole lines; it writes each at once)."""
        messages = (self._report.read() or b"").splitlines() if self._report else []
        for message in map(json.loads, messages):
            self._pids |= message.get("started", {})
            self._ended = self._ended or message.get("ended", "")

    def _stop(self) -> None:
        """Stop in the order of dependence: step or processes, then services; whatever is left is killed."""
        if self._step is not None and self._step.poll() is None:
            self._step.terminate()
            children.ended(self._step, within_s=1.0)
        if self._manager is not None:
            self._manager.terminate()
            children.ended(self._manager, within_s=PROCESSES_STOP_WITHIN_S)
            children.kill_tree(self._manager)
        self._services.stop()
        children.sweep()
        self._folder.release()


def _is_ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=1) as answer:
            return int(answer.status) == 200
    except OSError:
        return False  # not listening yet, or 503


def show(text: str) -> None:
    """Print a line for the person at the terminal."""
    print(text, flush=True)
