"""Batches on a database connection of their own, outside Django: libpq's pipeline mode, two round trips a batch.

The first begins the transaction, locks and reads; the second writes and commits. What is lost during the first is done
again on a new connection; during the second nobody knows whether the commit took place, and the same key tells.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import psycopg
import structlog
from django.conf import settings
from django.db import connection as django_connection
from psycopg import errors as pg
from psycopg.adapt import AdaptersMap, Buffer, Loader
from psycopg.pq import Format
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from core.batches import Command, Decided, KeyedRequest, Statement, decided, loading
from core.db import refusal_of
from core.libpq import Pipelined

log = structlog.get_logger()
T = TypeVar("T")
Connect = Callable[[], Awaitable[Pipelined]]
BEGIN, COMMIT = Statement("BEGIN"), Statement("COMMIT")
SETTINGS = """
SELECT set_config('TimeZone', %s, false), set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false)
"""
WITHIN_S = 15.0  # longer than the server's own time-outs: for a server that has vanished without a word
ROLLED_BACK_WITHIN_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0


class JsonbText(Loader):
    """jsonb as text, as Django's connection gives it; the binary form has its version in front."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return bytes(data[1:]).decode()


async def connect() -> Pipelined:
    """Open a connection of batches."""
    opened = await connected()
    return Pipelined(opened, prepared=opened.prepare_threshold is not None)


async def connected() -> psycopg.AsyncConnection[Any]:
    """Open a connection to Django's database, whose values are those of Django's connection.

    Whole numbers are always sent as `bigint`: lists of other widths would each be planned anew. Every statement is
    planned once, without its parameters, and by indexes: a plan made while a table was empty would scan it for ever.
    """
    django = django_connection.get_connection_params()
    adapters = AdaptersMap(django["context"])
    adapters.register_loader("jsonb", JsonbText)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(int, Int8BinaryDumper)
    kept = {name: value for name, value in django.items() if name not in {"cursor_factory", "context"}}
    opened = await psycopg.AsyncConnection.connect(
        **kept, context=_Adapted(adapters), autocommit=True, application_name="commands"
    )
    await opened.execute(SETTINGS, [settings.TIME_ZONE])
    return opened


class _Adapted:
    """The adapters of a connection to be opened."""

    connection = None

    def __init__(self, adapters: AdaptersMap) -> None:
        self.adapters = adapters


class Pipeline:
    """One connection, opened when it is needed. `on_trip` is called for each round trip, `on_loss` for each loss."""

    def __init__(
        self, on_trip: Callable[[], object], on_loss: Callable[[], object], *, connect: Connect = connect
    ) -> None:
        self._on_trip = on_trip
        self._on_loss = on_loss
        self._connect = connect
        self._connection: Pipelined | None = None
        self._pause_s = 0.0

    async def run(self, command: Command[Any], requests: Sequence[KeyedRequest[Any]]) -> Decided:
        """Run a batch in one transaction; return what was decided, committed.

        Raises:
            LedgerUnavailable: the database was not reached, or was lost before it confirmed the commit; QueueBusy: a
            lock that a batch has to wait for was not granted; a database error or a rule's defect. Nothing was written,
            but for a lost commit.
        """
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._transaction(command, requests)
        except (psycopg.Error, TimeoutError) as error:
            cause = pg.OperationalError("no answer in time") if isinstance(error, TimeoutError) else error
            refusal = refusal_of(cause)
            if refusal is None:
                raise
            raise refusal from cause

    async def close(self) -> None:
        """Close the connection; what is open on it is rolled back."""
        if self._connection is not None:
            await self._connection.close()

    async def _transaction(self, command: Command[Any], requests: Sequence[KeyedRequest[Any]]) -> Decided:
        batch = command.batch(requests, wait=False)
        statements = [BEGIN, *loading(batch)]
        was_open = self._is_open()
        try:
            try:
                found = await self._trip(statements, Pipelined.read)
            except (pg.OperationalError, pg.InterfaceError):
                if self._is_open() or not was_open:
                    raise
                found = await self._trip(statements, Pipelined.read)  # it was lost while it was idle
            done = decided(command, batch, found[1:])
            await self._stored(done, requests)
            return done
        except BaseException:
            await self._roll_back()
            raise

    async def _stored(self, done: Decided, requests: Sequence[KeyedRequest[Any]]) -> None:
        """Store what was decided and commit. Refusals that cannot be recorded are answered all the same."""
        try:
            await self._trip([*done.statements, COMMIT], Pipelined.write)
        except psycopg.Error:
            if done.answers:
                raise
            log.exception("refusals_not_recorded", request_ids=[request.request_id for request in requests])
            await self._roll_back()

    async def _trip(
        self, statements: Sequence[Statement], run: Callable[[Pipelined, Sequence[Statement]], Awaitable[T]]
    ) -> T:
        """Send statements in one go."""
        opened = await self._opened()
        self._on_trip()
        try:
            return await run(opened, statements)
        finally:
            if not opened.is_open:
                self._connection = None
                self._on_loss()

    def _is_open(self) -> bool:
        return self._connection is not None and self._connection.is_open

    async def _opened(self) -> Pipelined:
        """Return the connection, a new one if there is none: tries that fail are further and further apart."""
        if self._connection is None:
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s or FIRST_PAUSE_S)
            self._connection = await self._connect()
            self._pause_s = 0.0
        return self._connection

    async def _roll_back(self) -> None:
        """End the open transaction; where that is impossible, the connection."""
        left = self._connection
        if left is None:
            return
        try:
            async with asyncio.timeout(ROLLED_BACK_WITHIN_S):
                await left.roll_back()
        except (psycopg.Error, TimeoutError):
            self._connection = None
            await left.close()
