"""What a PostgreSQL that was killed leaves behind in its data folder: a pid file, and backends that still end."""

import os
import signal
import threading
import time
from pathlib import Path

from xxxchat.stack.errors import StackError

PID_FILE = "postmaster.pid"
ENDED_WITHIN_S = 5.0
POLL_S = 0.02


def server_of(data: Path) -> int | None:
    """Return the pid of the server that the pid file names, if it lives and serves this very folder."""
    pid_file = data / PID_FILE
    if not pid_file.exists():
        return None
    pid = int(pid_file.read_text().split("\n", 1)[0])
    return pid if _serves(pid, data) else None


def clear(data: Path) -> None:
    """End the backends of a server that is gone and remove its pid file, so that the next one can start.

    A new server refuses to start while a backend is attached to the old shared memory. To kill one is what the
    server's end has already done to it: nothing of its transaction was committed.

    Raises:
        StackError: a server still serves the folder; nothing was done.
    """
    if pid := server_of(data):
        raise StackError(f"Another PostgreSQL (pid {pid}) already serves {data}.")
    deadline = time.monotonic() + ENDED_WITHIN_S
    while (backends := _processes_of(data)) and time.monotonic() < deadline:
        for backend in backends:
            _kill(backend)
        threading.Event().wait(POLL_S)
    (data / PID_FILE).unlink(missing_ok=True)


def _processes_of(data: Path) -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _serves(int(entry.name), data)]


def _serves(pid: int, data: Path) -> bool:
    """Return whether a process is one of a PostgreSQL server whose folder is `data` (they sit in their data folder)."""
    entry = Path("/proc") / str(pid)
    try:
        return (entry / "comm").read_text().strip() == "postgres" and (entry / "cwd").resolve() == data.resolve()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False  # ended, or another user's process with the same number


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # it ended in the meantime
