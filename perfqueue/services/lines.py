"""Locked queues as a list of performed items joins them: each item sees those before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings

from core.batches import Row, Statement
from core.errors import Forbidden, NotFound
from perfqueue.errors import QueueClosed, QueueFull, QueuePaused, UserQueueLimit
from perfqueue.services.expiry import ABSENT, OPEN, OVERDUE
from perfqueue.services.queues import rope_drop_runs
from perfqueue.services.views import PACE, Wait, wait_for

LOCK = """
SELECT q.performer_id FROM perfqueue_performerqueue q
 WHERE q.performer_id IN (SELECT a.performer_id FROM ({asked}) a)
 ORDER BY q.performer_id FOR NO KEY UPDATE {skip}
"""
READ = """
WITH asked AS MATERIALIZED ({asked}),
     moment AS MATERIALIZED (SELECT core_now() AS now),
     queues AS MATERIALIZED (
        SELECT q.*, m.now, ({absent}) AS is_absent
          FROM perfqueue_performerqueue q, moment m WHERE q.performer_id IN (SELECT a.performer_id FROM asked a)),
     open AS MATERIALIZED (
        SELECT i.*
          FROM queues q CROSS JOIN LATERAL (
            SELECT i.performer_id, i.user_id, i.state, ({overdue}) AS is_overdue
              FROM perfqueue_queueitem i WHERE i.performer_id = q.performer_id AND {open}
            OFFSET 0) AS i),  -- one look-up for each queue; a join may be planned through the open items of all queues
     lines AS (
        SELECT o.performer_id, count(*) FILTER (WHERE o.state = 'created') AS waiting,
               bool_or(o.state = 'started') AS has_started, bool_or(o.is_overdue) AS is_due
          FROM open o GROUP BY o.performer_id),
     own AS (
        SELECT a.place, count(*) AS mine
          FROM asked a JOIN open o ON o.performer_id = a.performer_id AND o.user_id = a.buyer_id
         WHERE o.state IN ('created', 'started') GROUP BY a.place),
     paces AS (SELECT q.performer_id, p.* FROM queues q, LATERAL ({pace}) p)
SELECT a.place, coalesce(n.mine, 0),
       EXISTS (SELECT FROM perfqueue_block b WHERE b.performer_id = a.performer_id AND b.user_id = a.buyer_id),
       coalesce(l.is_due OR q.is_absent, q.is_absent, false),
       q.performer_id, q.now, u.is_active, q.is_open, q.is_paused, q.away_at IS NOT NULL, q.depth, q.user_cap,
       q.rope_drop_s, q.max_wait_s, f.fee_bps, q.next_turn,
       coalesce(l.waiting, 0), coalesce(l.has_started, false), p.samples, p.low, p.high
  FROM asked a
  JOIN queues q ON q.performer_id = a.performer_id
  JOIN accounts_user u ON u.id = a.performer_id
  JOIN paces p ON p.performer_id = a.performer_id
  LEFT JOIN accounts_performerprofile f ON f.user_id = a.performer_id
  LEFT JOIN lines l ON l.performer_id = a.performer_id
  LEFT JOIN own n ON n.place = a.place
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks to join whose queue: SQL for rows of (place, performer_id, buyer_id), with its parameters."""

    sql: str
    params: Mapping[str, Any]

    def lock(self, *, wait: bool) -> Statement:
        """Lock the queues in the order of their performers' ids; the rows are the ids of those that were locked."""
        return Statement(_locking(self.sql, wait), self.params)

    def read(self) -> Statement:
        """Read the queues for `places_of`, after the lock."""
        return Statement(_reading(self.sql), self.params)


@cache
def _locking(asked: str, wait: bool) -> str:
    return LOCK.format(asked=asked, skip="" if wait else "SKIP LOCKED")


@cache
def _reading(asked: str) -> str:
    absent, overdue = ABSENT.format(now="m.now"), OVERDUE.format(now="q.now")
    return READ.format(
        asked=asked, absent=absent, overdue=overdue, open=OPEN, pace=PACE.format(performer="q.performer_id")
    )


@dataclass(slots=True)
class Line:
    """One queue: as it was read under its lock, then as the items that have joined since leave it."""

    performer_id: UUID
    now: datetime
    is_active: bool
    is_open: bool
    is_paused: bool
    is_away: bool
    depth: int
    user_cap: int
    rope_drop_s: int
    max_wait_s: int
    own_fee_bps: int | None
    next_turn: int
    waiting: int
    has_started: bool
    samples: int
    low_s: float | None
    high_s: float | None

    @property
    def fee_bps(self) -> int:
        """The performer's own fee, else the platform's, in basis points."""
        return int(settings.PLATFORM_FEE_BPS) if self.own_fee_bps is None else self.own_fee_bps

    @property
    def rope_drop_runs(self) -> bool:
        return rope_drop_runs(self.is_open, self.is_paused, is_away=self.is_away, has_started=self.has_started)

    def wait_at(self, position: int) -> Wait | None:
        pace = {"samples": self.samples, "low": self.low_s, "high": self.high_s}
        return wait_for(pace, position - 1 + self.has_started)


@dataclass(frozen=True, slots=True)
class Place:
    """A buyer before a queue. `mine`: the buyer's created and started items in it. `is_due`: something is overdue."""

    line: Line
    mine: int
    is_blocked: bool
    is_due: bool

    def assert_room(self) -> None:
        """Raise NotFound, QueueClosed, QueuePaused, QueueFull, UserQueueLimit or Forbidden if nothing more may join."""
        line = self.line
        if not line.is_active:
            raise NotFound
        if not line.is_open:
            raise QueueClosed
        if line.is_paused:
            raise QueuePaused
        if line.waiting >= line.depth:
            raise QueueFull(depth=line.waiting, maxDepth=line.depth)
        if self.mine >= line.user_cap:
            raise UserQueueLimit(open=self.mine, cap=line.user_cap)
        if self.is_blocked:
            raise Forbidden


def places_of(rows: Sequence[Row]) -> dict[int, Place]:
    """Return what `Asked.read` read, by place. Places before the same queue share its line."""
    lines: dict[UUID, Line] = {}
    places = {}
    for place, mine, is_blocked, is_due, *columns in rows:
        line = lines.get(columns[0]) or lines.setdefault(columns[0], Line(*columns))
        places[place] = Place(line, mine, is_blocked, is_due)
    return places
