"""The circuit breaker around the ledger, one per process.

Five calls in a row that do not reach the database or exceed the statement time-out open it: the next ones are refused
with `LEDGER_UNAVAILABLE` at once. After 5 s one trial call is admitted; its result closes or reopens the breaker.
Refusals and lock time-outs are answers and count as successes.

pybreaker holds its lock while it calls. Two of our calls may wait for each other's wallets, so the ledger is called
outside of it and the result is reported afterwards. The half-open transition counts as the first of the two successes
that close the breaker, the trial's result as the second.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pybreaker
import structlog

from core.db import refusal_of
from core.errors import LedgerUnavailable

T = TypeVar("T")
FAILURES_IN_A_ROW = 5
OPEN_S = 5.0
log = structlog.get_logger()
_lock = threading.Lock()


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self) -> None:
        self.callbacks: list[Callable[[str], object]] = []

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        log.warning("ledger_breaker", was=old_state.name, now=new_state.name)
        for callback in self.callbacks:
            callback(new_state.name)


_listener = _Listener()
_storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
_breaker = pybreaker.CircuitBreaker(
    fail_max=FAILURES_IN_A_ROW,
    reset_timeout=OPEN_S,
    success_threshold=2,
    state_storage=_storage,
    listeners=[_listener],
    throw_new_error_on_trip=False,
)


def guarded(work: Callable[[], T]) -> T:
    """Call the ledger through the breaker.

    Raises:
        LedgerUnavailable: the breaker is open, nothing was sent; whatever `work` raises.
    """
    with guarding():
        return work()


@contextmanager
def guarding() -> Iterator[None]:
    """Pass through the breaker with the block, which may await; raises like `guarded`."""
    is_trial = _breaker.current_state != pybreaker.STATE_CLOSED and _admit()
    try:
        yield
    except BaseException as error:
        _report(failed=_is_failure(error), is_trial=is_trial)
        raise
    _report(failed=False, is_trial=is_trial)


def breaker_state() -> str:
    """The state of this process's breaker: closed, open or half-open."""
    return str(_breaker.current_state)


def on_breaker_change(callback: Callable[[str], object]) -> None:
    """Call `callback` with each new state of this process's breaker."""
    _listener.callbacks.append(callback)


def reset_breaker() -> None:
    """Close the breaker, as in a new process."""
    _breaker.close()


def _admit() -> bool:
    """Admit one trial call after the open time and return True for it; refuse every other call."""
    with _lock:
        if _breaker.current_state == pybreaker.STATE_CLOSED:
            return False
        if _breaker.current_state == pybreaker.STATE_HALF_OPEN:
            raise LedgerUnavailable(retry_after_s=1)
        try:
            _breaker.call(_nothing)
        except pybreaker.CircuitBreakerError as error:
            raise LedgerUnavailable(retry_after_s=_remaining_s()) from error
        return True


def _remaining_s() -> float:
    since: datetime | None = _storage.opened_at
    remaining = OPEN_S if since is None else (since + timedelta(seconds=OPEN_S) - datetime.now(UTC)).total_seconds()
    return max(1.0, remaining)


def _is_failure(error: BaseException) -> bool:
    """Whether the ledger was not reached or did not answer in time, or the call was cancelled."""
    return not isinstance(error, Exception) or isinstance(refusal_of(error), LedgerUnavailable)


def _report(*, failed: bool, is_trial: bool) -> None:
    """Report a call's result: successes of a closed breaker are skipped, of an open one only the trial counts."""
    if not failed and not _breaker.fail_counter and _breaker.current_state == pybreaker.STATE_CLOSED:
        return
    with _lock:
        if _breaker.current_state != pybreaker.STATE_CLOSED and not is_trial:
            return
        with suppress(LedgerUnavailable):
            _breaker.call(_fail if failed else _nothing)


def _nothing() -> None:
    return


def _fail() -> None:
    raise LedgerUnavailable
