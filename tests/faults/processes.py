"""A database, a broker and product processes of one test, to be killed."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from xxxchat.stack import children
from xxxchat.stack.folder import LOCAL, PROJECT, Folder
from xxxchat.stack.services import Services

MIGRATED = """
from django.core.management import call_command
call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
call_command("seed_reference")
"""
"""In the process that makes a world, since to start one takes more than a second."""


@contextmanager
def servers(make: str) -> Iterator[dict[str, str]]:
    """Run them, migrated, with the world that the Python text `make` makes; yield the environment that names them."""
    folder = Folder(LOCAL / f"worker-{secrets.token_hex(4)}")
    folder.acquire()
    own = Services(durable=False)
    try:
        own.start(folder, {})
        found = own.variables | {
            "APP_MODE": "test", "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "xxxchat.settings",
        }  # fmt: skip
        words = ["shell", "--verbosity", "0", "-c", MIGRATED + make]
        subprocess.run([sys.executable, "manage.py", *words], cwd=PROJECT, env=os.environ | found, check=True)
        yield found
    finally:
        own.stop()
        folder.release()
        folder.delete()


@contextmanager
def python(module: str, *arguments: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, its whole tree killed at the end."""
    command = [sys.executable, "-m", module, *arguments]
    process = children.spawn(command, env=os.environ | environment, cwd=PROJECT, when_orphaned=signal.SIGKILL)
    try:
        yield process
    finally:
        children.kill_tree(process)


def ask_for_a_sweep(environment: dict[str, str]) -> None:
    send = ["-m", "celery", "-A", "xxxchat", "call", "perfqueue.sweep"]
    subprocess.run([sys.executable, *send], cwd=PROJECT, env=os.environ | environment, check=True, capture_output=True)


def kill_all(root: int) -> None:
    """SIGKILL a worker and its pool in one stroke, the parent first, so that it cannot tell the broker anything."""
    for pid in [root, *children.descendants(root)]:
        os.kill(pid, signal.SIGKILL)


def verify(environment: dict[str, str]) -> int:
    command = [sys.executable, "manage.py", "verify_ledger", "--json"]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | environment, check=False, capture_output=True)
    return done.returncode
