"""What one stack keeps on disk: its lock, its secrets, the environment of the running stack, data and logs."""

import base64
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from xxxchat.stack import reach
from xxxchat.stack.errors import StackError

PROJECT = Path(__file__).resolve().parents[2]
LOCAL = PROJECT / ".local"
SECRETS = ("SECRET_KEY", "SEED_KEY", "DATABASE_PASSWORD", "BROKER_PASSWORD")


class Folder:
    """The folder of one stack. Whoever holds its lock is the one launcher that may touch the data."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "database"
        self.broker = self.root / "broker"
        self.static = self.root / "static"
        self.metrics = self.root / "metrics"
        self.postgres_log = self.root / "postgres.log"
        self.broker_log = self.root / "broker.log"
        self._running = self.root / "running.json"
        self._lock: IO[bytes] | None = None

    @classmethod
    def of_port(cls, port: int) -> "Folder":
        """Return the folder of the demo on a port: demos with different ports share nothing."""
        return cls(LOCAL / str(port))

    @classmethod
    def the_only_running(cls) -> dict[str, Any] | None:
        """Return the note of the one demo that runs, whatever its port; None unless it is exactly one."""
        folders = (cls(root) for root in LOCAL.glob("[0-9]*") if (root / "lock").exists())
        notes = [note for folder in folders if (note := folder.running()) is not None]
        return notes[0] if len(notes) == 1 else None

    def acquire(self) -> None:
        """Take the lock for as long as this process lives. Raises StackError if another launcher has it."""
        self.root.mkdir(parents=True, exist_ok=True)
        lock = (self.root / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise StackError(f"A stack already runs from {self.root}. Stop it first, or take another PORT.") from None
        self._lock = lock
        self._running.unlink(missing_ok=True)
        self.static.mkdir(exist_ok=True)
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir()

    def release(self) -> None:
        """Give the lock back; the kernel does so too when the launcher dies."""
        if self._lock is not None:
            self._running.unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def secrets(self) -> dict[str, str]:
        """Return this folder's secrets, made at its first start and kept: sealed seeds must stay readable."""
        path = self.root / "secrets.json"
        if path.exists():
            kept: dict[str, str] = json.loads(path.read_text())
            return kept
        made = {name: secrets.token_urlsafe(48) for name in SECRETS}
        made["SEED_KEY"] = base64.b64encode(secrets.token_bytes(32)).decode()
        reach.write_private(path, json.dumps(made))
        return made

    def write(self, name: str, content: Mapping[str, Any]) -> Path:
        """Write a JSON file that only its owner can read, whole or not at all."""
        fresh = reach.write_private(self.root / f"{name}.new", json.dumps(content, indent=2))
        return fresh.rename(self.root / name)

    def remember(self, running: Mapping[str, Any]) -> None:
        """Write what `make manage` and tests read about the running stack."""
        self.write(self._running.name, running)

    def running(self) -> dict[str, Any] | None:
        """Return the note of the stack that runs from this folder, None while there is none."""
        if not self._running.exists() or not self._is_locked():
            return None
        note: dict[str, Any] = json.loads(self._running.read_text())
        return note

    def delete(self) -> None:
        """Delete everything, the database included. Raises StackError if a stack is running from it."""
        self.acquire()
        reach.remove(self.database)
        reach.remove(self.root)
        self.release()

    def _is_locked(self) -> bool:
        with (self.root / "lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def without_postgres_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop PGHOST and its kin, which would steer our clients away from the address we give them."""
    return {name: value for name, value in environment.items() if not name.startswith("PG")}


def terminal_environment() -> dict[str, str]:
    """Return the environment that the launcher was given."""
    return without_postgres_variables(os.environ)
