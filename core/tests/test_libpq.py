"""Round trips through libpq's pipeline mode: rows and errors, long ones, lost connections, statements prepared once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from psycopg import errors as pg

from core.batches import Statement
from core.libpq import Pipelined, query_of
from core.pipelines import connect
from core.pipelines import connected as connected_plainly

pytestmark = pytest.mark.django_db(transaction=True)
PREPARED = Statement("SELECT name, statement FROM pg_prepared_statements WHERE name <> '' ORDER BY name")


def connected(
    work: Callable[[Pipelined], Awaitable[Any]],
    *,
    prepared: bool = True,
    loop: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Any:
    """Run `work` on a connection of its own, in an event loop of this kind."""

    async def run() -> Any:
        pipelined = await connect()
        pipelined._prepared = prepared
        try:
            return await asyncio.wait_for(work(pipelined), 60)
        finally:
            await pipelined.close()

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


@pytest.mark.parametrize("prepared", [True, False])
def test_the_rows_of_each_statement_come_back_in_order(prepared: bool) -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        await pipelined.write([Statement("CREATE TEMPORARY TABLE t (n int8)")])
        statements = [
            Statement("SELECT %(b)s::text, %(a)s::int8, %(b)s::text, 7 %% 4", {"a": 1, "b": "x", "c": 3}),
            Statement("INSERT INTO t SELECT %s::int8 FROM generate_series(1, %s::int)", [None, "3"]),
            Statement("SELECT n, '100%' FROM t"),
            Statement("SELECT 1 WHERE false"),
        ]
        return await pipelined.read(statements)

    assert connected(work, prepared=prepared) == [[("x", 1, "x", 3)], [], [(None, "100%")] * 3, []]


def test_a_round_trip_may_be_longer_than_any_buffer_in_both_directions() -> None:
    long = "ä" * 3_000_000

    async def work(pipelined: Pipelined) -> list[Any]:
        return await pipelined.read([Statement("SELECT %(text)s::text", {"text": long})] * 3)

    assert connected(work) == [[(long,)]] * 3


@pytest.mark.parametrize("prepared", [True, False])
def test_the_first_error_is_raised_what_is_behind_it_does_not_run_and_a_roll_back_ends_it(prepared: bool) -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        await pipelined.write([Statement("BEGIN"), Statement("CREATE TEMPORARY TABLE t (n int8 CHECK (n > 0))")])
        with pytest.raises(pg.CheckViolation) as raised:
            await pipelined.write(
                [Statement("INSERT INTO t VALUES (%s)", [0]), Statement("SELECT 1 / 0"), Statement("COMMIT")]
            )
        await pipelined.roll_back()
        found = await pipelined.read([Statement("SELECT to_regclass('t')::text")])
        return [raised.value.diag.constraint_name, raised.value.sqlstate, found]

    assert connected(work, prepared=prepared) == ["t_n_check", "23514", [[(None,)]]]


def test_another_number_of_rows_is_a_defect() -> None:
    async def work(pipelined: Pipelined) -> None:
        await pipelined.read([Statement("SELECT generate_series(1, 3)", rows=2)])

    with pytest.raises(RuntimeError, match="3 rows instead of 2"):
        connected(work)


def test_a_text_is_prepared_once_for_the_types_of_its_parameters() -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        again = Statement("SELECT %(a)s, 'again'", {"a": 1})
        await pipelined.read([again, again])
        await pipelined.read([again, Statement("SELECT %(a)s, 'again'", {"a": "x"})])
        return await pipelined.read([PREPARED])

    ((*found, _),) = connected(work)

    assert [name for name, text in found] == ["batch_0", "batch_1"]
    assert {text for _, text in found} == {"SELECT $1, 'again'"}


def test_nothing_is_prepared_where_the_server_is_behind_a_pooler() -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        return await pipelined.read([Statement("SELECT %s", [1]), PREPARED])

    assert connected(work, prepared=False) == [[(1,)], []]


def test_a_statement_whose_table_has_changed_runs_again_after_the_roll_back() -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        asked = Statement("SELECT * FROM t")
        await pipelined.write([Statement("CREATE TEMPORARY TABLE t (n int8)")])
        await pipelined.write([asked])
        await pipelined.write([Statement("ALTER TABLE t ADD m int8")])
        with pytest.raises(pg.FeatureNotSupported):
            await pipelined.read([asked])
        await pipelined.roll_back()
        return await pipelined.read([asked])

    assert connected(work) == [[]]


def test_a_value_that_cannot_be_sent_leaves_the_connection_as_it_was() -> None:
    async def work(pipelined: Pipelined) -> list[Any]:
        with pytest.raises(pg.ProgrammingError):
            await pipelined.read([Statement("BEGIN"), Statement("SELECT %s", [object()])])
        return await pipelined.read([Statement("SELECT 1")])

    assert connected(work) == [[(1,)]]


def test_a_lost_connection_is_an_operational_error() -> None:
    async def work(pipelined: Pipelined) -> None:
        cut = [Statement("SELECT 1"), Statement("SELECT pg_terminate_backend(pg_backend_pid())"), Statement("SELECT 2")]
        with pytest.raises(pg.OperationalError):
            await pipelined.read(cut)
        assert not pipelined.is_open
        with pytest.raises(pg.OperationalError):
            await pipelined.read([Statement("SELECT 1")])

    connected(work)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_was_cut_while_idle_is_found_lost_within_a_second(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """The socket has an error as soon as something is sent: uvloop calls no reader then."""

    async def work(pipelined: Pipelined) -> None:
        ((pid,),) = (await pipelined.read([Statement("SELECT pg_backend_pid()")]))[0]
        async with await connected_plainly() as other:
            await other.execute("SELECT pg_terminate_backend(%s::int)", [pid])
        await asyncio.sleep(0.2)
        with pytest.raises(pg.OperationalError):
            async with asyncio.timeout(1):
                await pipelined.read([Statement("SELECT repeat(%s, 3)", ["x" * 100_000])] * 3)
        assert not pipelined.is_open

    connected(work, loop=loop)


def test_after_an_interrupted_round_trip_the_connection_can_only_be_closed() -> None:
    async def work(pipelined: Pipelined) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pipelined.read([Statement("SELECT pg_sleep(5)")])
        with pytest.raises(pg.OperationalError, match="not been read"):
            await pipelined.roll_back()

    connected(work)


@pytest.mark.parametrize("sql", ["SELECT %d", "SELECT %(name)d", "SELECT %(name)%", "SELECT '5% '"])
def test_a_text_with_another_placeholder_is_a_defect(sql: str) -> None:
    with pytest.raises(ValueError, match="no placeholder"):
        query_of(sql)
