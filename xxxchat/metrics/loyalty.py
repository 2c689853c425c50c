"""Calls of RedRoomRewards: tries by call and outcome, how long they take, and the circuit breaker around them."""

from prometheus_client import Counter, Gauge, Histogram

from loyalty.client import CALLS, Outcome, Try, breaker, on_try
from xxxchat.metrics.commands import BREAKER_STATES

BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
tries = Counter("xxxchat_loyalty_tries", "Tries of calls of RedRoomRewards.", ["call", "result"])
retries = Counter("xxxchat_loyalty_retries", "Tries after the first of their call.", ["call"])
seconds = Histogram("xxxchat_loyalty_try_seconds", "Tries of calls of RedRoomRewards.", ["call"], buckets=BUCKETS_S)
state = Gauge(
    "xxxchat_loyalty_breaker",
    "The circuit breaker around RedRoomRewards: 0 closed, 1 half-open, 2 open; the worst of all processes.",
    multiprocess_mode="livemax",
)
TRIES = {(name, outcome): tries.labels(name, outcome.value) for name in CALLS for outcome in Outcome}
RETRIES = {name: retries.labels(name) for name in CALLS}
SECONDS = {name: seconds.labels(name) for name in CALLS}
"""The series, made at once, so that a rate has a zero to start from."""


def observe(seen: Try) -> None:
    """Record a try; one that the breaker refused took no time."""
    TRIES[seen.call, seen.outcome].inc()
    if seen.number > 1:
        RETRIES[seen.call].inc()
    if seen.outcome != Outcome.BREAKER_OPEN:
        SECONDS[seen.call].observe(seen.seconds)


def connect() -> None:
    """Measure the calls and the circuit breaker of this process. Called once, when Django is set up."""
    on_try(observe)
    breaker.on_change(lambda now: state.set(BREAKER_STATES[now]))
