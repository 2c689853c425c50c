"""A circuit breaker around calls to another party: failures in a row open it, one trial call closes it again.

pybreaker keeps state and count. It holds its lock while it calls, so calls are made outside of it and their results
reported afterwards (ADR 0039). The half-open transition counts as the first of the two successes that close the
breaker, the trial's result as the second. One breaker is one process's.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pybreaker
import structlog

from core.errors import DomainError

log = structlog.get_logger()


class Failed(Exception):
    """What a failure is reported to pybreaker with."""


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, event: str) -> None:
        self.event = event
        self.callbacks: list[Callable[[str], object]] = []

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        log.warning(self.event, was=old_state.name, now=new_state.name)
        for callback in self.callbacks:
            callback(new_state.name)


class Breaker:
    """`failures` in a row open it for `open_s` seconds; then one trial call is admitted.

    `event`: what its changes are logged as. `is_failure`: whether an exception of a call counts; one that is no
    `Exception`, such as a cancellation, always does. `refusal`: the error of calls that are not admitted, from the
    seconds until one is.
    """

    def __init__(
        self,
        event: str,
        *,
        failures: int,
        open_s: float,
        is_failure: Callable[[Exception], bool],
        refusal: Callable[[float], DomainError],
    ) -> None:
        self._open_s = open_s
        self._is_failure = is_failure
        self._refusal = refusal
        self._lock = threading.Lock()
        self._listener = _Listener(event)
        self._storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures,
            reset_timeout=open_s,
            success_threshold=2,
            state_storage=self._storage,
            listeners=[self._listener],
            throw_new_error_on_trip=False,
        )

    @property
    def state(self) -> str:
        """Closed, open or half-open."""
        return str(self._breaker.current_state)

    @property
    def room(self) -> int | None:
        """How many calls would be admitted now: None for any number, 1 for a trial, 0 while it is open."""
        if self._breaker.current_state == pybreaker.STATE_CLOSED:
            return None
        since: datetime | None = self._storage.opened_at
        is_over = since is None or since + timedelta(seconds=self._open_s) <= datetime.now(UTC)
        return int(self._breaker.current_state == pybreaker.STATE_OPEN and is_over)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Pass through the breaker with the block, which may await.

        Raises:
            the breaker's refusal: it is open, and the block has not begun; whatever the block raises.
        """
        is_trial = self._breaker.current_state != pybreaker.STATE_CLOSED and self._admit()
        try:
            yield
        except Exception as error:
            self.report(failed=self._is_failure(error), is_trial=is_trial)
            raise
        except BaseException:
            self.report(failed=True, is_trial=is_trial)
            raise
        self.report(failed=False, is_trial=is_trial)

    def on_change(self, callback: Callable[[str], object]) -> None:
        """Call `callback` with each new state."""
        self._listener.callbacks.append(callback)

    def reset(self) -> None:
        """Close it, as in a new process."""
        self._breaker.close()

    def report(self, *, failed: bool, is_trial: bool) -> None:
        """Report a call's result: successes of a closed breaker are skipped, of an open one only the trial counts."""
        if not failed and not self._breaker.fail_counter and self._breaker.current_state == pybreaker.STATE_CLOSED:
            return
        with self._lock:
            if self._breaker.current_state != pybreaker.STATE_CLOSED and not is_trial:
                return
            with suppress(Failed):
                self._breaker.call(_fail if failed else _nothing)

    def _admit(self) -> bool:
        """Admit one trial call after the open time and return True for it; refuse every other call."""
        with self._lock:
            if self._breaker.current_state == pybreaker.STATE_CLOSED:
                return False
            if self._breaker.current_state == pybreaker.STATE_HALF_OPEN:
                raise self._refusal(1)
            try:
                self._breaker.call(_nothing)
            except pybreaker.CircuitBreakerError as error:
                raise self._refusal(self._remaining_s()) from error
            return True

    def _remaining_s(self) -> float:
        since: datetime | None = self._storage.opened_at
        open_for = timedelta(seconds=self._open_s)
        return self._open_s if since is None else max(1.0, (since + open_for - datetime.now(UTC)).total_seconds())


def _nothing() -> None:
    return


def _fail() -> None:
    raise Failed
