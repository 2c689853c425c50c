"""Test files run again by another pytest, with other settings and another database."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db import connection

PASSED = re.compile(r"^(\d+) passed in", re.MULTILINE)


def database_url(name: str) -> str:
    """Return the URL of a database on the same server, with a name of this process."""
    facts = connection.settings_dict
    password = f":{facts['PASSWORD']}" if facts["PASSWORD"] else ""
    return f"postgres://{facts['USER']}{password}@{facts['HOST']}:{facts['PORT']}/{name}_{os.getpid()}"


def run(files: Sequence[str | Path], *options: str, **variables: str) -> int:
    """Run the files without workers; return how many tests passed.

    Raises:
        AssertionError: one failed; with the end of pytest's output.
    """
    environment = os.environ | {"APP_MODE": "test", "LOG_LEVEL": "ERROR"} | variables
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-q", "--no-cov", "--create-db", "-p", "no:xdist", *options],
        cwd=settings.BASE_DIR, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    passed = PASSED.search(done.stdout)
    assert passed is not None, (done.stdout + done.stderr)[-6000:]
    return int(passed[1])
