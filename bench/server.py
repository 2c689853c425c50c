"""A migrated database for one measurement, as durable as the demo's; deleted afterwards."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from xxxchat.stack.folder import LOCAL, PROJECT, Folder
from xxxchat.stack.postgres import APP_ROLE, EmbeddedPostgres


@contextmanager
def database(name: str, settings: Mapping[str, str] | None = None) -> Iterator[EmbeddedPostgres]:
    """Run a server in a folder of its own."""
    folder = Folder(LOCAL / f"{name}-{secrets.token_hex(4)}")
    folder.acquire()
    password = folder.secrets()["DATABASE_PASSWORD"]
    server = EmbeddedPostgres(folder.database, password=password, log=folder.postgres_log, settings=settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        folder.release()
        folder.delete()


def migrated(server: EmbeddedPostgres, *, guarded: bool = False) -> dict[str, str]:
    """Migrate and return the variables to run in; no broker is needed.

    `guarded`: they name the role that runs the product, which cannot write the ledger's tables.
    """
    owner = {
        "DATABASE_URL": server.url,
        "DATABASE_PREPARED": "true",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "APP_MODE": "test",
        "LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "xxxchat.settings",
    }
    steps = [["migrate", "--noinput", "--verbosity", "0"], ["seed_reference"]]
    for step in steps + ([["guard_ledger", "--role", APP_ROLE]] if guarded else []):
        manage(owner, *step)
    return owner | ({"DATABASE_URL": server.app_url} if guarded else {})


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a management command; return its output."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=PROJECT, env=os.environ | dict(environment), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
