"""Two connections in an order that the test decides: the second is let go on only once it is seen to wait.

with transaction.atomic():
    first()
    other = Aside(second)
    other.waits()
told = other.result()
"""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from core.db import rows

PATIENCE_S = 20.0
BLOCKED = "SELECT cardinality(pg_blocking_pids(%s)) > 0 AS blocked"
PID = "SELECT pg_backend_pid() AS pid"


class Aside:
    """Starts `work` at once in a thread with a connection of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._pid = 0
        self._connected = threading.Event()
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def waits(self) -> None:
        """Return once it waits for a lock that somebody else has.

        Raises:
            AssertionError: it came to its end, or did not wait in time.
        """
        assert self._connected.wait(PATIENCE_S), "never connected"
        for _ in range(int(PATIENCE_S / 0.005)):
            if rows(BLOCKED, [self._pid])[0]["blocked"]:
                return
            assert self._thread.is_alive(), f"it waited for nobody: {self._outcome!r}"
            self._thread.join(0.005)
        raise AssertionError("it does not wait")

    def result(self) -> Any:
        """What it returned, or the exception it raised."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "it hangs"
        return self._outcome

    def _run(self) -> None:
        try:
            self._pid = rows(PID)[0]["pid"]
            self._connected.set()
            self._outcome = self._work()
        except Exception as error:  # noqa: BLE001  an outcome like any other; the test judges it
            self._outcome = error
        finally:
            self._connected.set()
            connection.close()
