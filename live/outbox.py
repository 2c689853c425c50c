"""The events process's own connections to the outbox: two, however many streams are open."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from psycopg.rows import TupleRow, tuple_row
from psycopg_pool import AsyncConnectionPool

from live.feed import Row

MAX_EVENT_AGE = timedelta(hours=24)
START_S = 10.0
COLUMNS = "e.xid::text::bigint, e.id, e.key, e.variables, e.room, e.recipient, e.at"


class Outbox:
    """Runs statements, each in a transaction of its own: one connection reads new events, one what clients missed."""

    def __init__(self) -> None:
        self._pool = AsyncConnectionPool(
            kwargs=connection_arguments(), min_size=1, max_size=2, timeout=5.0, open=False, name="live"
        )

    async def open(self) -> None:
        """Connect. Raises PoolTimeout if the database is not reached."""
        await self._pool.open(wait=True, timeout=START_S)

    async def close(self) -> None:
        await self._pool.close()

    async def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[TupleRow]:
        """Run a statement and return its rows."""
        async with self._pool.connection() as link, link.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(sql, params)
            return await cursor.fetchall()


def connection_arguments() -> dict[str, Any]:
    """Django's database in autocommit mode, without prepared statements (PgBouncer)."""
    django = connection.get_connection_params()
    kept = {name: value for name, value in django.items() if name not in {"cursor_factory", "context"}}
    return {**kept, "autocommit": True, "prepare_threshold": None, "application_name": "live"}


def row_of(record: Sequence[Any]) -> Row:
    """Return the event of a record of `COLUMNS`."""
    xid, number, key, variables, room, recipient, at = record
    utc: datetime = at.astimezone(UTC)
    return Row(xid=xid, id=number, key=key, variables=variables, room=room, recipient=recipient, at=utc)
