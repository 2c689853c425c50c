"""How long keyed commands take, by outcome: of the API and of the pages alike, retries and lock waits included."""

from prometheus_client import Gauge, Histogram

from core.idempotency import OUTCOMES, on_command
from escrow.services import on_breaker_change

BREAKER_STATES = {"closed": 0, "half-open": 1, "open": 2}
BUCKETS_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5)
breaker = Gauge(
    "xxxchat_ledger_breaker",
    "The circuit breaker around the ledger: 0 closed, 1 half-open, 2 open; the worst of all processes.",
    multiprocess_mode="livemax",
)


def _histogram(name: str, what: str) -> Histogram:
    return Histogram(name, f"{what}, from the first statement to the commit.", ["outcome"], buckets=BUCKETS_S)


HISTOGRAMS = {
    "slots.spin": _histogram("xxxchat_spin_seconds", "Spins"),
    "menus.purchase": _histogram("xxxchat_purchase_seconds", "Purchases of menu items"),
    "queue.finish": _histogram("xxxchat_settlement_seconds", "Finished performances with their settlement"),
}
SERIES = {  # made at once, so that a rate has a zero to start from
    (operation, outcome): histogram.labels(outcome)
    for operation, histogram in HISTOGRAMS.items()
    for outcome in OUTCOMES
}


def observe(operation: str, outcome: str, seconds: float) -> None:
    """Record a command, if it is one of those measured."""
    if (series := SERIES.get((operation, outcome))) is not None:
        series.observe(seconds)


def connect() -> None:
    """Measure the commands and the circuit breaker of this process. Called once, when Django is set up."""
    on_command(observe)
    on_breaker_change(lambda state: breaker.set(BREAKER_STATES[state]))
