"""The one reader of the outbox in an events process.

It reads below the oldest transaction still running (`pg_snapshot_xmin`), ordered by (xid, id). Rows below that are
final, so an event of a transaction that began early and commits late is read in its order, never missed.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import structlog
from django.db import connection
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from live.feed import FramedEvent, Position, Row
from live.hub import Hub

log = structlog.get_logger()
BATCH = 1_000
START_S = 10.0
READS_PER_TEMPLATE_REFRESH = 50
COLUMNS = "e.xid::text::bigint, e.id, e.key, e.variables, e.room, e.recipient, e.at"
BOUNDS = "SELECT pg_snapshot_xmin(s.now)::text::bigint AS oldest, pg_snapshot_xmax(s.now)::text::bigint AS next"
NEXT = f"""
{BOUNDS}, {COLUMNS}
FROM (SELECT pg_current_snapshot() AS now) AS s
LEFT JOIN LATERAL (
    SELECT * FROM live_event
    WHERE (xid, id) > (%s::text::xid8, %s) AND xid < pg_snapshot_xmin(s.now)
    ORDER BY xid, id LIMIT %s
) AS e ON true
ORDER BY e.xid, e.id
"""  # noqa: S608  composed of the constants above
NEWEST = f"""
{BOUNDS}, {COLUMNS}
FROM (SELECT pg_current_snapshot() AS now) AS s
LEFT JOIN LATERAL (
    SELECT * FROM live_event WHERE xid < pg_snapshot_xmin(s.now) ORDER BY xid DESC, id DESC LIMIT %s
) AS e ON true
ORDER BY e.xid, e.id
"""  # noqa: S608  composed of the constants above
TEXTS = "SELECT DISTINCT ON (key) key, text FROM live_messagetemplate ORDER BY key, version DESC"


@dataclass(frozen=True)
class OutboxRead:
    """The rows that one statement read, and the bounds of its snapshot."""

    rows: Sequence[Row]
    oldest: int  # the oldest transaction still running: everything below is final
    next: int  # the first transaction id not yet given out


class Poller:
    """Feeds a hub from the outbox until it is cancelled."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.pool = AsyncConnectionPool(
            kwargs=connection_arguments(), min_size=1, max_size=2, timeout=5.0, open=False, name="live"
        )
        self._texts: Mapping[str, str] = {}
        self._reads = 0

    async def start(self) -> None:
        """Connect, and fill the hub's memory with the newest part of the outbox."""
        await self.pool.open(wait=True, timeout=START_S)
        await self._read_texts()
        read = await self._read(NEWEST, [self.hub.limits.remembered])
        remembered = [FramedEvent(row, self._texts) for row in read.rows]
        self.hub.start_at((read.oldest, 0), horizon=read.next, remembered=remembered)

    async def run(self) -> None:
        """Read repeatedly. A database error is logged; streams stay open and nothing is skipped."""
        while True:
            try:
                more = await self.once()
            except (psycopg.Error, PoolTimeout):
                log.exception("outbox_not_read")
                more = False
            if not more:
                await asyncio.sleep(self.hub.limits.poll_s)

    async def once(self) -> bool:
        """Read one batch, publish it, and return whether the batch was full."""
        self._reads += 1
        if self._reads % READS_PER_TEMPLATE_REFRESH == 0:
            await self._read_texts()
        read = await self._read(NEXT, [str(self.hub.position[0]), self.hub.position[1], BATCH])
        full = len(read.rows) == BATCH
        upto: Position = read.rows[-1].position if full else (read.oldest, 0)
        self.hub.publish([FramedEvent(row, self._texts) for row in read.rows], upto=upto, horizon=read.next)
        return full

    async def close(self) -> None:
        await self.pool.close()

    async def _read(self, sql: str, params: Sequence[Any]) -> OutboxRead:
        found = await self._rows(sql, params)
        oldest, following = found[0][0], found[0][1]
        return OutboxRead([_row(record[2:]) for record in found if record[2] is not None], oldest, following)

    async def _read_texts(self) -> None:
        self._texts = dict(await self._rows(TEXTS, []))

    async def _rows(self, sql: str, params: Sequence[Any]) -> list[TupleRow]:
        async with self.pool.connection() as link, link.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()


def connection_arguments() -> dict[str, Any]:
    """Django's database in autocommit mode, without prepared statements (PgBouncer)."""
    django = connection.get_connection_params()
    kept = {name: value for name, value in django.items() if name not in {"cursor_factory", "context"}}
    return {**kept, "autocommit": True, "prepare_threshold": None, "application_name": "live"}


def _row(record: Sequence[Any]) -> Row:
    xid, number, key, variables, room, recipient, at = record
    utc: datetime = at.astimezone(UTC)
    return Row(xid=xid, id=number, key=key, variables=variables, room=room, recipient=recipient, at=utc)
