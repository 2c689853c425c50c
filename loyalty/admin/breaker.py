"""The card of the circuit breaker. Each process has one of its own; the card is of all of them."""

from dataclasses import dataclass
from datetime import datetime

from loyalty.services.breakers import breakers


@dataclass(frozen=True)
class Fact:
    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class BreakerCard:
    """``look`` is ok, warn or bad."""

    word: str
    look: str
    facts: tuple[Fact, ...]


def breaker_card(now: datetime) -> BreakerCard:
    seen = breakers()
    facts = []
    if seen.open_since is not None:
        word, look = "Open", "bad"
        facts.append(Fact("Open since", f"{seen.open_since:%H:%M:%S}", "spins are refused at once, nothing is taken"))
        facts.append(Fact("In", seen.open_in, "credits wait in the outbox"))
    else:
        word, look = "Closed", "ok"
        if seen.closed_at is None:
            facts.append(Fact("Last opened", "never", "since it was set up"))
        else:
            facts.append(Fact("Closed since", f"{seen.closed_at:%-d %b, %H:%M:%S}"))
    if seen.opened_at is not None:
        facts.append(Fact("Last opened", f"{seen.opened_at:%-d %b, %H:%M:%S}"))
        facts.append(Fact("Opened in 24 hours", f"{seen.times_today}", "of all processes"))
    facts.append(Fact("Opens after", f"{seen.failures} failures in a row", f"tries again after {seen.reset_s:g} s"))
    return BreakerCard(word, look, tuple(facts))
