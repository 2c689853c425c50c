"""Races: real threads, each with its own connection, started at one barrier."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection


def race(*steps: Callable[[], Any]) -> list[Any]:
    """Run all steps at once; return each one's result, or the exception it raised, in the order given."""
    barrier = threading.Barrier(len(steps))
    outcomes: list[Any] = [None] * len(steps)

    def run(place: int, step: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            outcomes[place] = step()
        except Exception as error:  # noqa: BLE001  the test checks it
            outcomes[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(steps)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "a racer hangs"
    return outcomes


def names(outcomes: Sequence[Any]) -> Counter[str]:
    """Count the outcomes by the name of their type."""
    return Counter(type(outcome).__name__ for outcome in outcomes)
