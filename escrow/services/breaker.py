"""The circuit breaker around the ledger, one per process.

Five calls in a row that do not reach the database or exceed the statement time-out open it: the next ones are refused
with `LEDGER_UNAVAILABLE` at once. After 5 s one trial call is admitted; its result closes or reopens the breaker.
Refusals and lock time-outs are answers and count as successes. A cancelled call is a failure.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeVar

from core.breaker import Breaker
from core.db import refusal_of
from core.errors import LedgerUnavailable

T = TypeVar("T")
FAILURES_IN_A_ROW = 5
OPEN_S = 5.0

breaker = Breaker(
    "ledger_breaker",
    failures=FAILURES_IN_A_ROW,
    open_s=OPEN_S,
    is_failure=lambda error: isinstance(refusal_of(error), LedgerUnavailable),
    refusal=lambda seconds: LedgerUnavailable(retry_after_s=seconds),
)


def guarded(work: Callable[[], T]) -> T:
    """Call the ledger through the breaker.

    Raises:
        LedgerUnavailable: the breaker is open, nothing was sent; whatever `work` raises.
    """
    with breaker.guarding():
        return work()


def guarding() -> AbstractContextManager[None]:
    """Pass through the breaker with the block, which may await; raises like `guarded`."""
    return breaker.guarding()


def breaker_state() -> str:
    """The state of this process's breaker: closed, open or half-open."""
    return breaker.state


def on_breaker_change(callback: Callable[[str], object]) -> None:
    """Call `callback` with each new state of this process's breaker."""
    breaker.on_change(callback)


def reset_breaker() -> None:
    """Close the breaker, as in a new process."""
    breaker.reset()
