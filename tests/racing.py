"""Real races: real threads, each with a connection of its own, let go at one moment."""

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
        except Exception as error:  # noqa: BLE001  an outcome like any other; the test judges it
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
    """How often each kind of outcome came: the type's name."""
    return Counter(type(outcome).__name__ for outcome in outcomes)
