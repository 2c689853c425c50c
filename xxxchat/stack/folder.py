"""What one stack keeps on disk: its lock, its secrets, the environment of the running stack, data and logs."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from xxxchat.stack import reach
from xxxchat.stack.errors import StackError
from xxxchat.stack.part import BROKER, POSTGRES

PROJECT = Path(__file__).resolve().parents[2]
LOCAL = PROJECT / ".local"
CONTROL = "supervisor.sock"
LONGEST_SOCKET = 95
"""Bytes of a socket's path: the kernel takes 107, supervisord appends a process id while it makes one."""
KEYS = ("SEED_KEY", "SECOND_FACTOR_KEY", "EXCLUSION_HASH_KEY", "ARCHIVE_SIGNING_KEY")
"""Secrets of 32 bytes in base64."""
SECRETS = ("SECRET_KEY", *KEYS, "DATABASE_PASSWORD", "BROKER_PASSWORD")


class Folder:
    """The folder of one stack. Whoever holds its lock is the one launcher that may touch the data."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "database"
        self.broker = self.root / "broker"
        self.metrics = self.root / "metrics"
        self.mail = self.root / "mail"
        self.postgres_log = self.log_of(POSTGRES)
        self.broker_log = self.log_of(BROKER)
        self._run = self.root / "run"
        self._running = self.root / "running.json"
        self._lock: IO[bytes] | None = None

    @classmethod
    def of_port(cls, port: int) -> "Folder":
        """Return the folder of the demo on a port: demos with different ports share nothing."""
        return cls(LOCAL / str(port))

    @classmethod
    def the_only_running(cls) -> "Folder | None":
        """Return the folder of the one demo that runs, whatever its port; None unless it is exactly one."""
        folders = (cls(root) for root in LOCAL.glob("[0-9]*") if (root / "lock").exists())
        running = [folder for folder in folders if folder.running() is not None]
        return running[0] if len(running) == 1 else None

    @property
    def control(self) -> Path:
        """The supervisor's socket; the one whom it lets in is whoever runs the stack."""
        return self._run.resolve() / CONTROL

    def make_control(self) -> Path:
        """Make an empty folder for the socket, with a link to it where the path would be too long for a socket."""
        reach.remove(self._run)
        if len(os.fsencode(self._run)) + len(CONTROL) < LONGEST_SOCKET:
            self._run.mkdir(mode=0o700)
        else:
            self._run.symlink_to(tempfile.mkdtemp(prefix="xxxchat-"))
        return self.control

    def log_of(self, part: str) -> Path:
        """Return the file that a part's output goes to."""
        return self.root / f"{part}.log"

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
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir()

    def release(self) -> None:
        """Give the lock back; the kernel does so too when the launcher dies."""
        if self._lock is not None:
            self._running.unlink(missing_ok=True)
            reach.remove(self._run)
            self._lock.close()
            self._lock = None

    def secrets(self) -> dict[str, str]:
        """Return this folder's secrets, made when they are first needed and kept: sealed seeds must stay readable."""
        path = self.root / "secrets.json"
        kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        made = {name: secrets.token_urlsafe(48) for name in SECRETS}
        made |= {name: base64.b64encode(secrets.token_bytes(32)).decode() for name in KEYS}
        if missing := made.keys() - kept.keys():
            kept |= {name: made[name] for name in missing}
            self.write(path.name, kept)
        return kept

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
        reach.remove(self._run)
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
