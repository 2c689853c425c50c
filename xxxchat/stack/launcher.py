"""Start the whole product in order, watch it, and stop all of it: services, migrations, world, parts."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from xxxchat.stack import children, lineup, ports, rewards, static_files
from xxxchat.stack.errors import StackError, StopRequested
from xxxchat.stack.folder import KEYS, PROJECT, Folder
from xxxchat.stack.parts import Parts
from xxxchat.stack.postgres import APP_ROLE
from xxxchat.stack.services import Services
from xxxchat.stack.signals import Signals
from xxxchat.stack.terminal import show

POLL_S = 0.1
WATCH_S = 1.0
DEFAULTS = {"DEMO_PASSWORD": "demo-only-password", "TRUSTED_PROXIES": "1"}
FIXED = {
    "APP_MODE": "demo",
    "DJANGO_SETTINGS_MODULE": "xxxchat.settings",
    "ENV_FILE": os.devnull,
    "PYTHONUNBUFFERED": "1",
}
LOGINS = """
  users       alice  bob  carol
  performers  ruby  jade
  staff       admin  support  finance  games  auditor
  service     arcade"""


class Launcher:
    """One run of one stack. `run` returns the exit status: 0 after a signal to stop, 1 when it could not start."""

    def __init__(self, folder: Folder, given: Mapping[str, str], signals: Signals) -> None:
        self._folder = folder
        self._given = dict(given)
        self._signals = signals
        self._services = Services(pause=signals.pause)
        self._steps: list[subprocess.Popen[bytes]] = []
        self._parts: Parts | None = None
        self._reserved: list[socket.socket] = []

    def run(self) -> int:
        """Start, watch until a signal to stop, then stop everything."""
        children.adopt_orphans()
        try:
            self._folder.acquire()
            parts = self._start()
            while True:
                parts.watch()
                self._signals.pause(WATCH_S)
        except StopRequested:
            show("Stopping.")
            return 0
        except StackError as error:
            show(f"The stack stops: {error}")
            return 1
        finally:
            self._stop()

    def _start(self) -> Parts:
        url, listen = lineup.addresses(self._given)
        self._reserved = [ports.reserve(address) for address in listen]
        show("Starting database and broker.")
        self._services.prepare(self._folder, self._given)
        owner = self._environment()
        ours = self._services.app_database_url
        environment = owner | ({"DATABASE_URL": ours} if ours else {})
        self._parts = Parts(self._folder, self._services, listen, environment, self._signals.pause)
        self._parts.start_services()
        show("Applying migrations and seeding the demo world.")
        with static_files.to_collect(Path(owner["STATIC_ROOT"])) as fresh:
            elsewhere = owner | {"STATIC_ROOT": str(fresh)}
            collecting = fresh and self._begun("collectstatic", elsewhere, "--noinput", "--verbosity", "0")
            self._manage("prepare_demo", owner, *(["--role", APP_ROLE] if ours else []))
            if collecting:
                self._finish("collectstatic", collecting)
        self._parts.start_product()
        self._folder.remember({"url": url, "database": owner["DATABASE_URL"], "environment": environment})
        show(f"\nReady: {url}\n{LOGINS}\n\n  password    {environment['DEMO_PASSWORD']}")
        show(f"  mail        {environment['MAIL_FOLDER']}")
        if points := rewards.shown(environment):
            show(f"  {points}")
        show("\nCtrl-C stops everything.\n")
        return self._parts

    def _environment(self) -> dict[str, str]:
        """Return what every process of the product runs in; an empty variable counts as unset."""
        kept = self._folder.secrets()
        environment = {name: kept[name] for name in ("SECRET_KEY", *KEYS)}
        environment |= DEFAULTS | {"PROMETHEUS_MULTIPROC_DIR": str(self._folder.metrics)}
        environment |= {
            "MAIL_FOLDER": str(self._folder.mail),
            "ARCHIVE_FOLDER": str(self._folder.root / "archives"),
        }
        environment |= {name: value for name, value in self._given.items() if value}
        environment |= rewards.variables(self._given)
        own_home = {name: str(self._folder.root) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}  # the proxy writes
        hashed = {"STATIC_ROOT": str(static_files.folder()), "STATIC_HASHED": "true"}
        return environment | self._services.variables | FIXED | own_home | hashed

    def _manage(self, command: str, environment: Mapping[str, str], *arguments: str) -> None:
        """Run a management command to its end, before web listens."""
        self._finish(command, self._begun(command, environment, *arguments))

    def _begun(self, command: str, environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        """Start a management command."""
        step = children.spawn([sys.executable, "manage.py", command, *arguments], env=environment, cwd=PROJECT)
        self._steps.append(step)
        return step

    def _finish(self, command: str, step: subprocess.Popen[bytes]) -> None:
        """Wait for a management command. Raises StackError if it failed."""
        while step.poll() is None:
            self._signals.pause(POLL_S)
        if step.returncode:
            raise StackError(f"`manage.py {command}` failed ({children.how_it_ended(step.returncode)}).")

    def _stop(self) -> None:
        """Stop the steps or the parts, in the order of dependence; whatever is left is killed."""
        for step in self._steps:
            if step.poll() is None:
                step.terminate()
                children.ended(step, within_s=1.0)
        if self._parts is not None:
            self._parts.stop()
        self._services.stop()
        children.sweep()
        for kept in self._reserved:
            kept.close()
        self._folder.release()
