"""A whole stack for tests and benchmarks: the demo's own launcher, in a process of its own, on free ports."""

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from xxxchat.stack import control, managing, ports
from xxxchat.stack.errors import StackError
from xxxchat.stack.folder import LOCAL, PROJECT, Folder, without_postgres_variables
from xxxchat.stack.part import PartStatus
from xxxchat.stack.postgres import tail

STARTED_WITHIN_S = 90.0
STOPPED_WITHIN_S = 12.0
POLL_S = 0.05
OWN_VARIABLES = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "APP_MODE", "PORT", "HOST")


class Stack:
    """`with Stack(env={"SLOTS_MIN_INTERVAL_MS": "0"}) as stack: …`

    The launcher stops when the block ends, and when this process dies (its standard input is a pipe of ours). It
    stops only what it started. `env` may name a DATABASE_URL or REDIS_URL of yours. Without `root` everything lies
    in a new folder under `.local`, which the end of the block deletes; a given `root` is kept.
    """

    def __init__(
        self,
        *,
        root: Path | None = None,
        env: Mapping[str, str] | None = None,
        web_processes: int | None = None,
        started_within_s: float = STARTED_WITHIN_S,
    ) -> None:
        self.folder = Folder(root or LOCAL / f"stack-{secrets.token_hex(4)}")
        self._is_throwaway = root is None
        self.log = self.folder.root / "stack.log"
        self.postgres_log = self.folder.postgres_log
        self.launcher: subprocess.Popen[bytes] | None = None
        self._chosen = dict(env or {})
        if web_processes is not None:
            self._chosen["WEB_PROCESSES"] = str(web_processes)
        self._started_within_s = started_within_s
        self._note: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._throw_away()

    @property
    def url(self) -> str:
        """The address of the one port in front, without a slash at its end."""
        return str(self._note["url"])

    @property
    def environment(self) -> dict[str, str]:
        """The environment that every process of the stack runs in."""
        return dict(self._note["environment"])

    @property
    def database_url(self) -> str:
        """The address of its database, as the owner; the product itself runs as a role that cannot write the ledger."""
        return str(self._note["database"])

    @property
    def redis_url(self) -> str:
        """The address of its broker and cache."""
        return self.environment["REDIS_URL"]

    @property
    def processes(self) -> dict[str, int]:
        """Pids of what runs, by name: postgres, broker, proxy, web, events, worker, beat, sweeper."""
        return {part.name: part.pid for part in self.parts if part.pid}

    @property
    def parts(self) -> list[PartStatus]:
        """What the supervisor knows about each part. Raises StackError if it does not answer."""
        return control.status(self.folder)

    def start(self) -> None:
        """Start the stack and return when it is ready.

        Raises:
            StackError: it ended, or was not ready in time; its output is in the message.
        """
        self.folder.root.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.launcher = launch(self.folder.root, self._chosen, output)
        deadline = time.monotonic() + self._started_within_s
        while (note := self.folder.running()) is None:
            if self.launcher.poll() is not None or time.monotonic() > deadline:
                self.stop()
                output_end = tail(self.log, lines=40)
                self._throw_away()
                raise StackError(f"The stack did not start. {output_end}")
            threading.Event().wait(POLL_S)
        self._note = note

    def stop(self) -> None:
        """Stop the stack; its folder and its data stay."""
        if self.launcher is None:
            return
        self.launcher.terminate()
        try:
            self.launcher.wait(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.launcher.kill()  # its children get their signal from the kernel
            self.launcher.wait()
            raise StackError(f"The launcher had to be killed. {tail(self.log, lines=40)}") from None
        finally:
            if self.launcher.stdin:
                self.launcher.stdin.close()

    def _throw_away(self) -> None:
        if self._is_throwaway:
            self.folder.delete()

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command as `make manage` does and return its output."""
        return subprocess.run(  # noqa: S603  our own command line
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=os.environ | managing.environment_of(self._note, arguments),
            check=check,
            capture_output=True,
            text=True,
        )


def launch(root: Path, chosen: Mapping[str, str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the launcher of a stack in `root` on a free port, to end when our end of its input closes."""
    inherited = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    environment = without_postgres_variables(inherited) | {"PORT": str(ports.free_ports(1)[0])} | dict(chosen)
    return subprocess.Popen(  # noqa: S603  our own command line
        [sys.executable, "-m", "xxxchat.stack", "--until-eof", "--folder", str(root), "demo"],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
