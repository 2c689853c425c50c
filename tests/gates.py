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
BLOCKED = """
SELECT count(*) AS n FROM pg_stat_activity
 WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


class Aside:
    """Starts `work` at once in a thread with a connection of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._blocked_before = blocked()
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def waits(self) -> None:
        """Return once one more than before waits for a lock that somebody has.

        Raises:
            AssertionError: it came to its end, or did not wait in time.
        """
        for _ in range(int(PATIENCE_S / 0.005)):
            if blocked() > self._blocked_before:
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
            self._outcome = self._work()
        except Exception as error:  # noqa: BLE001  an outcome like any other; the test judges it
            self._outcome = error
        finally:
            connection.close()


def blocked() -> int:
    """How many in this database wait for a lock. (Not by pid: a pool gives a client many backends.)"""
    rows("SELECT pg_stat_clear_snapshot()::text")  # else a transaction sees what it saw first
    found: int = rows(BLOCKED)[0]["n"]
    return found
