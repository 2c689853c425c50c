"""The circuit breaker around the ledger, one per process.

Five calls in a row that did not reach the database or ran into the statement time-out open it: the next ones are told
`LEDGER_UNAVAILABLE` at once, without waiting. After 5 s one call is let through; how that ends decides. Refusals and
lock time-outs are answers: they count as well as any.

pybreaker holds its lock while it calls. Two calls of ours may wait for each other's wallets, so the ledger is called
outside of it and the outcome is told afterwards. Its own word that the time is over counts as the first of the two
successes that close it, the trial's as the second.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
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
_one_at_a_time = threading.Lock()


class _Told(pybreaker.CircuitBreakerListener):
    def __init__(self) -> None:
        self.hearers: list[Callable[[str], object]] = []

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        log.warning("ledger_breaker", was=old_state.name, now=new_state.name)
        for hear in self.hearers:
            hear(new_state.name)


_told = _Told()
_storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
_breaker = pybreaker.CircuitBreaker(
    fail_max=FAILURES_IN_A_ROW,
    reset_timeout=OPEN_S,
    success_threshold=2,
    state_storage=_storage,
    listeners=[_told],
    throw_new_error_on_trip=False,
)


def guarded(work: Callable[[], T]) -> T:
    """Call the ledger through the breaker.

    Raises:
        LedgerUnavailable: the breaker is open, nothing was sent; whatever `work` raises.
    """
    is_trial = _breaker.current_state != pybreaker.STATE_CLOSED and _admit()
    try:
        done = work()
    except BaseException as error:
        _tell(failed=_counts(error), is_trial=is_trial)
        raise
    _tell(failed=False, is_trial=is_trial)
    return done


def breaker_state() -> str:
    """This process's breaker: closed, open or half-open."""
    return str(_breaker.current_state)


def on_breaker_change(hear: Callable[[str], object]) -> None:
    """Tell `hear` each new state of this process's breaker."""
    _told.hearers.append(hear)


def reset_breaker() -> None:
    """Close it: a new process starts so, and a test."""
    _breaker.close()


def _admit() -> bool:
    """Let one call try whether the ledger is back, once its time is over: True for that one; refuse every other."""
    with _one_at_a_time:
        if _breaker.current_state == pybreaker.STATE_CLOSED:
            return False
        if _breaker.current_state == pybreaker.STATE_HALF_OPEN:
            raise LedgerUnavailable(retry_after_s=1)
        try:
            _breaker.call(_nothing)
        except pybreaker.CircuitBreakerError as error:
            raise LedgerUnavailable(retry_after_s=_left_s()) from error
        return True


def _left_s() -> float:
    since: datetime | None = _storage.opened_at
    left = OPEN_S if since is None else (since + timedelta(seconds=OPEN_S) - datetime.now(UTC)).total_seconds()
    return max(1.0, left)


def _counts(error: BaseException) -> bool:
    """The ledger was not reached, or did not answer in time; or the call was given up half-way."""
    return not isinstance(error, Exception) or isinstance(refusal_of(error), LedgerUnavailable)


def _tell(*, failed: bool, is_trial: bool) -> None:
    """Tell the breaker how a call ended: of a closed one nothing while all goes well, of another only its trial."""
    if not failed and not _breaker.fail_counter and _breaker.current_state == pybreaker.STATE_CLOSED:
        return
    with _one_at_a_time:
        if _breaker.current_state != pybreaker.STATE_CLOSED and not is_trial:
            return
        with suppress(LedgerUnavailable):
            _breaker.call(_fail if failed else _nothing)


def _nothing() -> None:
    return


def _fail() -> None:
    raise LedgerUnavailable
