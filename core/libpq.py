"""Statements in one round trip through libpq's pipeline mode, without psycopg's cursors (ADR 0069).

psycopg opens the connection and converts the values. In between, statements are written into libpq's buffer, and their
results are taken from it as they come.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import psycopg
from psycopg import errors as pg
from psycopg.adapt import Buffer, PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from core.batches import Row, Statement, check_rows

Connection = psycopg.AsyncConnection[Row]
PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?(.)")
LOOK_EVERY_S = 0.25
AT_REST = (TransactionStatus.IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR)


class Query(NamedTuple):
    """A statement's text with `$1`, `$2` … for its parameters, and their names; no names if they come in order."""

    text: bytes
    names: tuple[str, ...]


class Call(NamedTuple):
    """A statement as libpq takes it."""

    text: bytes
    values: Sequence[Buffer | None]
    types: tuple[int, ...]
    formats: Sequence[Format]


class Pipelined:
    """A connection in pipeline mode: one round trip at a time. After any error comes `roll_back`, or `close`.

    `prepared`: the server parses and plans each text once, before any statement of its first round trip runs.
    """

    def __init__(self, connection: Connection, *, prepared: bool) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.enter_pipeline_mode()
        self._values = Transformer(connection)
        self._prepared = prepared
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}

    @property
    def is_open(self) -> bool:
        """Whether it has neither been closed nor found lost."""
        return self._pgconn.status != ConnStatus.BAD

    async def read(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run statements and return the rows of each, without any for those that return none.

        Raises:
            a database error: that of the first statement that failed, and none behind it has run; OperationalError: the
            connection was lost; RuntimeError: not the number of rows that a statement must return.
        """
        results = await self._run(statements)
        for statement, result in zip(statements, results, strict=True):
            check_rows(statement, result.ntuples)
        return [self._loaded(result) for result in results]

    async def write(self, statements: Sequence[Statement]) -> None:
        """Run statements whose rows nobody reads. Raises what `read` does."""
        await self._run(statements)

    async def roll_back(self) -> None:
        """End the open transaction, if any. OperationalError: a round trip was interrupted, only `close` is left.

        What failed may have failed as a table has changed since: all statements are prepared anew.
        """
        if self._pgconn.transaction_status not in AT_REST:
            raise pg.OperationalError("the results of a round trip have not been read")
        self._pgconn.send_query_params(b"ROLLBACK", None)
        if self._names:
            self._pgconn.send_query_params(b"DEALLOCATE ALL", None)
            self._names.clear()
        await self._results()

    async def close(self) -> None:
        """Close the connection; what is open on it is rolled back."""
        await self._connection.close()

    async def _run(self, statements: Sequence[Statement]) -> list[PGresult]:
        calls = [self._call(statement) for statement in statements]
        new = self._prepare(calls) if self._prepared else 0
        for call in calls:
            if self._prepared:
                name = self._names[call.text, call.types]
                self._pgconn.send_query_prepared(name, call.values, call.formats, Format.BINARY)
            else:
                self._pgconn.send_query_params(call.text, call.values, call.types, call.formats, Format.BINARY)
        return (await self._results())[new:]

    def _call(self, statement: Statement) -> Call:
        if not statement.params:
            return Call(statement.sql.encode(), (), (), ())
        query = query_of(statement.sql)
        values = [statement.params[name] for name in query.names] if query.names else statement.params
        dumped = self._values.dump_sequence(values, [PyFormat.AUTO] * len(values))
        return Call(query.text, dumped, tuple(self._values.types or ()), self._values.formats or ())

    def _prepare(self, calls: Sequence[Call]) -> int:
        """Send what the server has not prepared yet; return how many results that makes."""
        new = {(call.text, call.types): b"" for call in calls if (call.text, call.types) not in self._names}
        for text, types in new:
            name = self._names[text, types] = b"batch_%d" % len(self._names)
            self._pgconn.send_prepare(name, text, types)
        return len(new)

    async def _results(self) -> list[PGresult]:
        """End the round trip and return its results. Raises the error of the first statement that failed."""
        self._pgconn.pipeline_sync()
        results = await _Answer(self._pgconn).whole()
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise pg.error_from_result(result)
        return results

    def _loaded(self, result: PGresult) -> list[Row]:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._values.set_pgresult(result, format=Format.BINARY)
        return self._values.load_rows(0, result.ntuples, tuple)


class _Answer:
    """The server's answer to a round trip: writes what libpq has left, and reads until all is answered."""

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn
        self._socket = pgconn.socket  # libpq itself closes a lost one
        self._loop = asyncio.get_running_loop()
        self._results: list[PGresult] = []
        self._writing = False  # a writer is registered
        self._next_look: asyncio.TimerHandle | None = None
        self._end: asyncio.Future[None] = self._loop.create_future()

    async def whole(self) -> list[PGresult]:
        """Return the results in their order. Raises OperationalError: the connection was lost."""
        self._loop.add_reader(self._socket, self._go_on, self._read)
        self._next_look = self._loop.call_later(LOOK_EVERY_S, self._look)
        try:
            self._go_on(self._write)
            await self._end
        finally:
            if self._end.cancelled():
                self._stop()
        return self._results

    def _go_on(self, step: Callable[[], None]) -> None:
        try:
            step()
        except psycopg.Error as error:
            self._stop()
            self._end.set_exception(error)

    def _write(self) -> None:
        has_left = bool(self._pgconn.flush())
        if has_left and not self._writing:
            self._loop.add_writer(self._socket, self._go_on, self._write)
        elif self._writing and not has_left:
            self._loop.remove_writer(self._socket)
        self._writing = has_left

    def _read(self) -> None:
        self._pgconn.consume_input()
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
                self._stop()
                self._end.set_result(None)
                return
            if result is not None:
                self._results.append(result)
            elif self._pgconn.status == ConnStatus.BAD:  # it is None behind the results of each statement, too
                raise pg.OperationalError("the connection was lost")

    def _look(self) -> None:
        """Read without being called: uvloop calls no reader of a socket that has an error."""
        self._next_look = self._loop.call_later(LOOK_EVERY_S, self._look)
        self._go_on(self._read)

    def _stop(self) -> None:
        """At once, as long as no other socket can have got the number of a lost one."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)


@cache
def query_of(sql: str) -> Query:
    """Return a text with `%s` or `%(name)s` for its parameters, and `%%` for a percent sign, as the server takes it."""
    names: dict[str, str] = {}
    count = 0

    def placeholder(found: re.Match[str]) -> str:
        nonlocal count
        name, kind = found.groups()
        if kind == "%" and name is None:
            return "%"
        if kind != "s":
            raise ValueError(f"{found[0]} is no placeholder")
        if name is not None:
            return names.setdefault(name, f"${len(names) + 1}")
        count += 1
        return f"${count}"

    text = PLACEHOLDER.sub(placeholder, sql)
    return Query(text.encode(), tuple(names))
