"""The one reader of new events in an events process: those of the channels that somebody listens to.

It reads, ordered by (xid, id), below the oldest transaction still running (of any database of the server: they share
the ids), so an event of a transaction that began early and commits late is read in its order. A transaction that stays
open for `open_s` seconds is passed: reading goes on above it, and its events are read once it has ended, late.

The database tests each new row once against the channels, in the order of the index; a row that nobody listens to is
not fetched. One statement covers at most `MAX_TRANSACTIONS` ids, so that it stays short after a break as well.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from live.feed import Channel, FramedEvent, Row
from live.hub import Hub
from live.outbox import COLUMNS, Outbox, row_of

log = structlog.get_logger()
BATCH = 1_000
MAX_TRANSACTIONS = 10_000
READS_PER_TEMPLATE_REFRESH = 50
HEAD_COLUMNS = 2
POSITION = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
NEXT = f"""
WITH s AS MATERIALIZED (
    SELECT pg_snapshot_xmax(t.now) AS next, ARRAY(SELECT pg_snapshot_xip(t.now)::text) AS open
      FROM (SELECT pg_current_snapshot() AS now) AS t
), u AS MATERIALIZED (
    SELECT least(s.next, %(bound)s::xid8, (SELECT min(o.xid::xid8) FROM unnest(s.open) AS o (xid)
                                            WHERE o.xid <> ALL (%(passed)s::text[]))) AS upto
      FROM s
)
SELECT u.upto::text::bigint, s.open, {COLUMNS}
  FROM s CROSS JOIN u
  LEFT JOIN LATERAL (
    (SELECT * FROM live_event
      WHERE xid = ANY (%(passed)s::text[]::xid8[]) AND xid < %(xid)s::xid8
        AND (room = ANY (%(rooms)s::uuid[]) OR recipient = ANY (%(people)s::uuid[])))
    UNION ALL
    (SELECT * FROM (
        SELECT * FROM live_event
         WHERE (xid, id) > (%(xid)s::xid8, %(id)s::bigint) AND xid >= %(xid)s::xid8 AND xid < u.upto
         ORDER BY xid, id OFFSET 0) AS n  -- the range first, in its index, whatever is known of rooms and people
      WHERE n.room = ANY (%(rooms)s::uuid[]) OR n.recipient = ANY (%(people)s::uuid[])
      ORDER BY n.xid, n.id LIMIT %(batch)s)
  ) AS e ON true
 ORDER BY e.xid, e.id
"""  # noqa: S608  composed of the constants above
TEXTS = "SELECT DISTINCT ON (key) key, text FROM live_messagetemplate ORDER BY key, version DESC"


@dataclass(frozen=True)
class OutboxRead:
    """The rows that one statement fetched. `open`: the transactions still running."""

    rows: Sequence[Row]
    upto: int  # all below is read, but for the transactions that were passed
    open: Sequence[str]


class OpenTransactions:
    """Transactions of the whole server that the reader waits for, and those that it has passed.

    Their ids as text: `xid8` has 64 bits and never wraps around.
    """

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._seen: dict[str, float] = {}
        self.passed: list[str] = []

    def update(self, running: Iterable[str], *, now_s: float) -> None:
        """Take the transactions of a read: one that has run for `wait_s` since it was first seen is passed."""
        self._seen = {xid: self._seen.get(xid, now_s) for xid in running}
        self.passed = [xid for xid, since_s in self._seen.items() if now_s - since_s >= self._wait_s]


class Poller:
    """Feeds a hub from the outbox until it is cancelled. `texts`: the templates in force, by key."""

    def __init__(self, hub: Hub, outbox: Outbox) -> None:
        self.hub = hub
        self.texts: Mapping[str, str] = {}
        self._outbox = outbox
        self._open = OpenTransactions(hub.limits.open_s)
        self._reads = 0
        self._told = 0

    @property
    def pause_s(self) -> float:
        """How long to wait before the next read."""
        limits = self.hub.limits
        return limits.poll_s if self._told <= limits.crowd else 2 * limits.poll_s

    async def start(self) -> None:
        """Go on from the oldest transaction still running; what is below is read for a replay only."""
        await self._read_texts()
        ((oldest,),) = await self._outbox.rows(POSITION)
        self.hub.position = (oldest, 0)

    async def run(self) -> None:
        """Read repeatedly. A database error is logged; streams stay open and nothing is skipped."""
        while True:
            try:
                more = await self.once()
            except (psycopg.Error, PoolTimeout):
                log.exception("outbox_not_read")
                more = False
            if not more:
                await asyncio.sleep(self.pause_s)

    async def once(self) -> bool:
        """Read once, publish it, and return whether there is more to read at once."""
        self._reads += 1
        if self._reads % READS_PER_TEMPLATE_REFRESH == 0:
            await self._read_texts()
        channels = self.hub.begin_read()
        try:
            return self._publish(await self.read(channels))
        finally:
            self.hub.end_read()

    async def read(self, channels: Collection[Channel]) -> OutboxRead:
        """Fetch the next events of these channels (one statement)."""
        xid, number = self.hub.position
        bound = xid + MAX_TRANSACTIONS
        batch = BATCH if channels else 0
        params = {"passed": self._open.passed, "xid": str(xid), "id": number, "bound": str(bound), "batch": batch}
        params |= {"rooms": _array(channels, "room"), "people": _array(channels, "person")}
        found = await self._outbox.rows(NEXT, params)
        upto, running = found[0][:HEAD_COLUMNS]
        events = [record[HEAD_COLUMNS:] for record in found]
        return OutboxRead([row_of(each) for each in events if each[0] is not None], upto, running)

    def _publish(self, read: OutboxRead) -> bool:
        before = self.hub.position
        self._open.update(read.open, now_s=time.monotonic())
        late = [row for row in read.rows if row.position <= before]
        new = read.rows[len(late) :]
        full = len(new) == BATCH
        events = [FramedEvent(row, self.texts, late=before) for row in late]
        events += [FramedEvent(row, self.texts) for row in new]
        self._told = self.hub.publish(events, upto=new[-1].position if full else max(before, (read.upto, 0)))
        return full or read.upto == before[0] + MAX_TRANSACTIONS

    async def _read_texts(self) -> None:
        self.texts = dict(await self._outbox.rows(TEXTS))


def _array(channels: Collection[Channel], kind: Literal["room", "person"]) -> str:
    """Return the ids of these channels as an array's text: quicker than a list of thousands."""
    return "{" + ",".join([str(each.id) for each in channels if each.kind == kind]) + "}"
