"""Two connections in an order that the test sets: the second is released once it waits for a lock.

with transaction.atomic():
    first()
    other = Concurrent(second)
    other.assert_blocked()
result = other.result()
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


class Concurrent:
    """Run `work` in a thread with its own connection."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._blocked_before = blocked()
        self._outcome: Any = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def assert_blocked(self) -> None:
        """Return once one more session than before waits for a lock.

        Raises:
            AssertionError: the work ended, or did not wait in time.
        """
        for _ in range(int(PATIENCE_S / 0.005)):
            if blocked() > self._blocked_before:
                return
            assert self._thread.is_alive(), f"it did not wait: {self._outcome!r}"
            self._thread.join(0.005)
        raise AssertionError("it does not wait")

    def result(self) -> Any:
        """Return the work's result, or the exception it raised."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "it hangs"
        return self._outcome

    def _run(self) -> None:
        try:
            self._outcome = self._work()
        except Exception as error:  # noqa: BLE001  the test checks it
            self._outcome = error
        finally:
            connection.close()


def blocked() -> int:
    """Return how many sessions of this database wait for a lock. (Not by pid: a pool gives a client many backends.)"""
    rows("SELECT pg_stat_clear_snapshot()::text")  # else a transaction reuses its first snapshot
    found: int = rows(BLOCKED)[0]["n"]
    return found
