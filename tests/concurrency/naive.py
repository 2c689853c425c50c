"""The naive twin: it reads, decides, then writes, with no lock and no rule in the database.

Each control runs the steps of its race on a twin and shows that the rule breaks. All attempts have read before the
first one writes, so it breaks every time.
"""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from core.db import rows

TABLE = "naive_twin"


class Twin:
    """One row of facts, given as name=value (whole numbers)."""

    def __init__(self, *, attempts: int, **facts: int) -> None:
        self.met = threading.Barrier(attempts)
        self._names = ", ".join(facts)  # by name: a session keeps the plan of `*` from the twin before
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
            cursor.execute(f"CREATE TABLE {TABLE} ({', '.join(f'{name} bigint' for name in facts)})")
            cursor.execute(f"INSERT INTO {TABLE} VALUES ({', '.join(str(value) for value in facts.values())})")  # noqa: S608  ours

    def attempt(self, may: Callable[[dict[str, Any]], bool], then: str) -> bool:
        """Read, let everybody else read, decide by what was read, write. True if it was allowed."""
        seen = self.facts()
        self.met.wait(timeout=30)
        if not may(seen):
            return False
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {TABLE} SET {then}")  # noqa: S608  ours
        return True

    def facts(self) -> dict[str, Any]:
        return rows(f"SELECT {self._names} FROM {TABLE}")[0]  # noqa: S608  ours

    def gone(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
