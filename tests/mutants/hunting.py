"""Runs the tests that must notice a mutant, on a test database of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from tests.mutants.kinds import Mutant

KILLED_BY = re.compile(r"^(?:FAILED|ERROR) (\S+::[^\s\[]+)", re.MULTILINE)
ALL_GREEN, SOME_FAILED = 0, 1


@dataclass(frozen=True)
class Hunt:
    """A result. `killed_by`: the first test that failed; empty if all passed, which must not be."""

    mutant: str
    killed_by: str
    seconds: float


def hunt(mutant: Mutant, database_url: str) -> Hunt:
    """Run the killers on a database with the mutant, until the first failure.

    Raises:
        RuntimeError: the tests could not be run, or ended by an error that is no test's.
    """
    started = time.monotonic()
    code, output = _run(mutant.killers, database_url, mutant=mutant.name)
    found = KILLED_BY.search(output)
    if code == ALL_GREEN:
        return Hunt(mutant.name, "", time.monotonic() - started)
    if code != SOME_FAILED or found is None or "stale: " in output:
        raise RuntimeError(f"{mutant.name}: pytest ended with {code}.\n{output[-3000:]}")
    return Hunt(mutant.name, found[1], time.monotonic() - started)


def spare(killers: Sequence[str], database_url: str) -> None:
    """The control: without a mutant the same tests are green.

    Raises:
        RuntimeError: they are not.
    """
    code, output = _run(killers, database_url)
    if code != ALL_GREEN:
        raise RuntimeError(f"The tests fail without any mutant.\n{output[-3000:]}")


def database(url: str, number: int) -> str:
    """The address of a database of its own on the same server; pytest makes `test_<name>` and drops it."""
    return urlunsplit(urlsplit(url)._replace(path=f"/mutant_{os.getpid()}_{number}"))


def _run(paths: Sequence[str], database_url: str, *, mutant: str = "") -> tuple[int, str]:
    environment = os.environ | {"DATABASE_URL": database_url, "APP_MODE": "test", "LOG_LEVEL": "ERROR"}
    environment |= {"MUTANT": mutant} if mutant else {}
    plugin = ["-p", "tests.mutants.plugin"] if mutant else []
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, "-x", "-q", "--no-cov", "--tb=short", *paths],
        cwd=settings.BASE_DIR, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr
