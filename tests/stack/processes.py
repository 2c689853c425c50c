"""The processes and ports of the machine, for the launcher's tests."""

import threading
import time
from collections.abc import Callable
from pathlib import Path


def alive(*marks: object) -> dict[int, str]:
    """Return the living processes whose command line or environment names every mark, by pid."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            named = command + (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is not ours to look at
        if command and all(str(mark).encode() in named for mark in marks):
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def until(condition: Callable[[], object], *, within_s: float) -> float:
    """Wait for a condition and return how long it took, in seconds.

    Raises:
        AssertionError: it did not come true in time.
    """
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within_s, f"not true within {within_s} s"
        threading.Event().wait(0.02)
    return time.monotonic() - started
