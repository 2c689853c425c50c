"""A try that brought no result, the circuit breaker that counts such tries, and who watches them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings

from core.breaker import Breaker
from core.errors import DomainError
from loyalty.errors import LoyaltyUnavailable


class Outcome(StrEnum):
    """How a try ended. The first two are answers; `breaker_open`: nothing was sent."""

    DONE = "done"
    REFUSED = "refused"
    KEY_MISMATCH = "key_mismatch"
    UNAUTHORIZED = "unauthorized"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    NO_ANSWER = "no_answer"
    NOT_REACHED = "not_reached"
    BREAKER_OPEN = "breaker_open"


FAILURES = (Outcome.SERVER_ERROR, Outcome.NO_ANSWER, Outcome.NOT_REACHED)
"""What the circuit breaker counts."""


class Fault(Exception):
    """A try brought no result. `may_have_happened`: it was sent, and nothing says that it was not carried out."""

    def __init__(self, outcome: Outcome, *, may_have_happened: bool, retry_after_s: float | None = None) -> None:
        self.outcome = outcome
        self.may_have_happened = may_have_happened
        self.retry_after_s = retry_after_s
        super().__init__(outcome.value)


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a call, for its observers. `call`: one of `CALLS`; `number`: 1 for the first."""

    call: str
    outcome: Outcome
    seconds: float
    number: int


CALLS = ("token", "balance", "deduct", "credit", "earn", "ledger", "link_intent", "link_confirm", "link_status")
_observers: list[Callable[[Try], object]] = []


def on_try(observer: Callable[[Try], object]) -> None:
    """Call `observer` with each try of this process's calls."""
    _observers.append(observer)


def observed(seen: Try) -> None:
    """Tell the observers of a try."""
    for observer in _observers:
        observer(seen)


def _counts(error: Exception) -> bool:
    return isinstance(error, Fault) and error.outcome in FAILURES


def _refusal(seconds: float) -> DomainError:
    return LoyaltyUnavailable(retry_after_s=seconds)


def new_breaker() -> Breaker:
    """Return a closed circuit breaker with the settings' figures."""
    return Breaker(
        "loyalty_breaker",
        failures=settings.RRR_BREAKER_FAILURES,
        open_s=settings.RRR_BREAKER_RESET_S,
        is_failure=_counts,
        refusal=_refusal,
    )


breaker = new_breaker()
"""This process's."""
