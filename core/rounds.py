"""Periodic rounds that run once at a time, whoever starts them: beat's tasks, or the sweeper while beat is away.

A round is claimed by its row (`core_round`) in one statement, and the claim is given back when the round ends. No lock
and no transaction lasts for a round, so a pool in transaction mode may lie between. Who dies in the middle keeps the
claim until it runs out; the round's own transactions take locks as well, so that even one that outlives
its claim counts nothing twice. Times are the server's own: a demo's clock moves no round.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import Error, close_old_connections, connection

from core.clock import RealNow
from core.db import retried, rows
from core.models import RoundState

LIMIT = timedelta(minutes=5)
EVERY_S = 5.0
LATE = 2
"""A round is late when nobody has begun it for so many of its periods."""
log = structlog.get_logger()

_CLAIM = """
INSERT INTO core_round AS r (name, began_at, claimed_until)
VALUES (%(name)s, clock_timestamp(), clock_timestamp() + %(limit)s)
ON CONFLICT (name) DO UPDATE SET began_at = excluded.began_at, claimed_until = excluded.claimed_until
 WHERE r.claimed_until IS NULL OR r.claimed_until <= excluded.began_at
RETURNING r.began_at
"""
_AGES = """
SELECT name, clock_timestamp() - began_at AS age, coalesce(claimed_until > clock_timestamp(), false) AS is_claimed,
       extract(epoch FROM clock_timestamp() - coalesce(ended_at, began_at))::float AS age_s, failure
  FROM core_round ORDER BY name
"""


@dataclass(frozen=True)
class Round:
    """A round that must not wait for beat. `every`: its period. `work` claims it by `run` and is idempotent."""

    name: str
    every: timedelta
    work: Callable[[], object]


@dataclass(frozen=True)
class State:
    """`age_s`: since the round last ended without a failure, or was first begun. `is_failing`: the last one failed."""

    name: str
    age_s: float
    is_failing: bool


def run(name: str, work: Callable[[], int], *, limit: timedelta = LIMIT) -> int:
    """Run a round unless another process runs it; return what `work` returns, 0 if it was not run.

    `limit`: how long the claim of a process that died stands. Raises what `work` raises; that it failed is recorded.
    """
    claimed = retried(lambda: rows(_CLAIM, {"name": name, "limit": limit}))
    if not claimed:
        return 0
    began_at: datetime = claimed[0]["began_at"]
    try:
        done = work()
    except Exception as failure:
        _end(name, began_at, failure=type(failure).__name__)
        raise
    _end(name, began_at, failure="", ended_at=RealNow())
    return done


def late(rounds: Sequence[Round]) -> list[Round]:
    """Return the rounds that nobody has begun for twice their period and nobody runs, in the order given (one
    statement)."""
    waiting = {row["name"]: row["age"] if not row["is_claimed"] else timedelta(0) for row in rows(_AGES)}
    return [each for each in rounds if waiting.get(each.name, timedelta.max) > LATE * each.every]


def states() -> list[State]:
    """Return the rounds that were ever begun, by name (one statement)."""
    return [State(row["name"], row["age_s"], bool(row["failure"])) for row in rows(_AGES)]


def keep(rounds: Sequence[Round], stopped: threading.Event, *, every_s: float = EVERY_S) -> None:
    """Run what is late, one round after the other, until `stopped`. One that fails keeps no other waiting.

    For a thread of its own, whose connection it closes.
    """
    try:
        while not stopped.wait(every_s):
            try:
                due = late(rounds)
            except Error:
                log.exception("rounds_unknown")
                due = []
            for each in due:
                if not stopped.is_set():
                    _attempt(each)
            close_old_connections()
    finally:
        connection.close()


def _attempt(each: Round) -> None:
    log.warning("round_late", round=each.name)
    try:
        each.work()
    except Exception:  # logged with its traceback and recorded by `run`; the next round must begin all the same
        log.exception("round_failed", round=each.name)


def _end(name: str, began_at: datetime, **facts: Any) -> None:
    """Give the claim back, unless it ran out and somebody else has it."""
    RoundState.objects.filter(name=name, began_at=began_at).update(claimed_until=None, **facts)
