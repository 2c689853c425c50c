"""The circuit breakers of all processes: each change is kept, so that staff see those of the others too."""

import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from core.breaker import Breaker
from core.clock import db_now
from core.db import rows
from loyalty import client
from loyalty.models import BreakerChange

OPEN, HALF_OPEN, CLOSED = "open", "half-open", "closed"
STALE = timedelta(hours=1)
"""A process that has said nothing for so long after its breaker opened has ended."""
LAST_OF_EACH = """
SELECT DISTINCT ON (process) process, state, at
  FROM loyalty_breakerchange WHERE at > %(since)s ORDER BY process, id DESC
"""
REFUSING = """
SELECT count(*) AS processes
  FROM (SELECT DISTINCT ON (process) state FROM loyalty_breakerchange
         WHERE at > core_now() - make_interval(secs => %(within_s)s) ORDER BY process, id DESC) last
 WHERE last.state <> 'closed'
"""
log = structlog.get_logger()


@dataclass(frozen=True)
class Breakers:
    """Whether a breaker is open, in which processes and since when; when one last opened and closed; and the rules."""

    open_since: datetime | None
    open_in: str
    opened_at: datetime | None
    closed_at: datetime | None
    times_today: int
    failures: int
    reset_s: float


def breakers() -> Breakers:
    """Return what is known of all processes' breakers (four statements)."""
    now = db_now()
    last = rows(LAST_OF_EACH, {"since": now - STALE})
    opened = [row for row in last if row["state"] != CLOSED]
    changes = BreakerChange.objects.order_by("-id")
    return Breakers(
        open_since=min((row["at"] for row in opened), default=None),
        open_in=", ".join(row["process"] for row in opened),
        opened_at=changes.filter(state=OPEN).values_list("at", flat=True).first(),
        closed_at=changes.filter(state=CLOSED).values_list("at", flat=True).first(),
        times_today=changes.filter(state=OPEN, at__gt=now - timedelta(days=1)).count(),
        failures=settings.RRR_BREAKER_FAILURES,
        reset_s=settings.RRR_BREAKER_RESET_S,
    )


def refusing_processes() -> int:
    """Return how many processes refuse to ask RedRoomRewards now (one statement).

    A breaker that opened refuses for its time; then it admits a trial, whose result is its next change.
    """
    (found,) = rows(REFUSING, {"within_s": settings.RRR_BREAKER_RESET_S + settings.RRR_TOTAL_TIMEOUT_S})
    processes: int = found["processes"]
    return processes


def note_change(part: str, state: str) -> threading.Thread:
    """Keep a change in a thread of its own: whoever noticed it must not wait for a database. Returns the thread.

    Without a database the row is lost, which is logged.
    """
    process = f"{part} {socket.gethostname()[:60]}:{os.getpid()}"
    keeper = threading.Thread(target=_keep, args=(process, state), name="loyalty-breaker")
    keeper.start()
    return keeper


def watch_breaker(
    part: str, breaker: Breaker = client.breaker, keep: Callable[[str, str], object] = note_change
) -> None:
    """Keep each change of this process's breaker from now on; `part` is what the process is, such as web."""
    breaker.on_change(lambda state: keep(part, state))


def _keep(process: str, state: str) -> None:
    try:
        BreakerChange.objects.create(process=process, state=state)
    except DatabaseError as error:
        log.warning("breaker_change_not_kept", state=state, error=type(error).__name__)
    finally:
        connection.close()
