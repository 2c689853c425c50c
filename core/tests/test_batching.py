"""Batches: order, size, one of each caller, an outcome each, defects alone, retries, limits, the end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg
import pytest
from django.db import DataError, connection

from core import pipelines
from core.batches import Command, KeyedRequest, Statement, run_alone
from core.batching import Batcher, Limits, Watch
from core.errors import LedgerUnavailable, QueueBusy, Refused
from core.ids import new_id
from core.libpq import Pipelined
from core.models import Heartbeat, IdempotencyKey
from core.tests.beats import BEAT, Beats, beat
from escrow.services import breaker_state
from escrow.services.breaker import guarding, reset_breaker

pytestmark = pytest.mark.django_db(transaction=True)
LATER = "what the ordinary endpoint answers"


@pytest.fixture(autouse=True)
def world() -> None:
    Heartbeat.objects.bulk_create(Heartbeat(name=name) for name in ("a", "b", "c", "d", "broken", "bad"))
    Beats.sizes.clear()


class Counting(Watch):
    def __init__(self) -> None:
        self.trips = self.losses = self.later = 0
        self.batches: list[int] = []

    def ran(self, requests: int, left: int) -> None:
        self.batches.append(requests)

    def sent(self) -> None:
        self.trips += 1

    def lost(self) -> None:
        self.losses += 1

    def left_out(self) -> None:
        self.later += 1


async def ordinary() -> str:
    return LATER


def batched(work: Callable[[Batcher[Any]], Awaitable[Any]], **options: Any) -> Any:
    """Run `work` with a batcher that has started, and stop it."""

    async def run() -> Any:
        batcher = Batcher(options.pop("command", BEAT), guard=options.pop("guard", nullcontext), **options)
        batcher.start()
        try:
            return await asyncio.wait_for(work(batcher), 30)
        finally:
            await batcher.stop()

    return asyncio.run(run())


def together(*requests: KeyedRequest[str], **options: Any) -> list[Any]:
    """Run requests that came in the same moment."""
    return list(batched(lambda own: asyncio.gather(*[own.run(each, ordinary) for each in requests]), **options))


def words(outcomes: list[Any]) -> list[str]:
    """What became of each: the row's name for an answer, the code of a refusal, LATER."""
    return [
        each if isinstance(each, str) else each.body.decode() if hasattr(each, "body") else each.code
        for each in outcomes
    ]


def test_requests_of_one_moment_are_one_transaction_in_two_round_trips() -> None:
    watch = Counting()

    outcomes = together(beat("c"), beat("a"), beat("b"), watch=watch)

    assert words(outcomes) == ['{"name":"c","place":1}', '{"name":"a","place":2}', '{"name":"b","place":3}']
    assert (watch.batches, watch.trips) == ([3], 2)
    assert {bytes(row.body or b"") for row in IdempotencyKey.objects.all()} == {each.body for each in outcomes}


def test_each_has_an_outcome_of_its_own_and_a_refusal_is_recorded() -> None:
    outcomes = together(beat("a"), beat("nobody"), beat("who"), beat("b"))

    assert words(outcomes) == [
        '{"name":"a","place":1}',
        "VALIDATION_FAILED",
        "UNAUTHENTICATED",
        '{"name":"b","place":2}',
    ]
    assert Beats.sizes == [4]
    assert Heartbeat.objects.filter(name="refused nobody").exists()


def test_a_refusal_that_cannot_be_recorded_stands_and_is_nobody_elses() -> None:
    class Unrecorded(Beats):
        def record(self, refused: Sequence[tuple[int, Refused]]) -> Sequence[Statement]:
            return [Statement("SELECT 1 / 0")]

    outcomes = together(beat("a"), beat("nobody"), beat("b"), command=Command(batch=Unrecorded, render=BEAT.render))

    assert words(outcomes) == ['{"name":"a","place":1}', "VALIDATION_FAILED", '{"name":"b","place":1}']
    assert Beats.sizes == [3, 1, 1, 1]
    assert IdempotencyKey.objects.count() == 2


def test_a_batch_is_never_larger_than_its_limit_and_the_first_come_are_first() -> None:
    outcomes = together(*[beat(name) for name in "abcda"], limits=Limits(batch=2))

    assert Beats.sizes == [2, 2, 1]
    assert [each.body[-2:] for each in outcomes] == [b"1}", b"2}", b"1}", b"2}", b"1}"]


def test_a_caller_has_one_request_in_a_batch() -> None:
    me = new_id()

    outcomes = together(beat("a", caller=me), beat("b", caller=me), beat("c"), beat("d", caller=me))

    assert Beats.sizes == [2, 1, 1]
    assert [each.status for each in outcomes] == [200] * 4


def test_twins_get_the_first_answer_and_a_reused_key_is_refused() -> None:
    me, key = new_id(), "one-key-for-all"

    outcomes = together(*[beat(name, caller=me, key=key) for name in "aaab"])

    assert words(outcomes) == ['{"name":"a","place":1}'] * 3 + ["IDEMPOTENCY_KEY_REUSED"]
    assert [each.replayed for each in outcomes[:3]] == [False, True, True]


def test_the_answer_of_a_batch_is_replayed_by_the_ordinary_endpoint_and_the_other_way_round() -> None:
    first, second = beat("a"), beat("b")

    (batch,) = together(first)
    alone = run_alone(BEAT, second)

    assert (run_alone(BEAT, first).body, run_alone(BEAT, first).replayed) == (batch.body, True)
    (again,) = together(second)
    assert (again.body, again.replayed) == (alone.body, True)


@pytest.mark.parametrize("guilty", ["bad", "broken"])
def test_a_defect_is_the_guilty_ones_alone(guilty: str) -> None:
    """In a rule, or in a statement of the second round trip."""
    outcomes = together(beat("a"), beat(guilty), beat("b"))

    assert words(outcomes) == ['{"name":"a","place":1}', "INTERNAL_ERROR", '{"name":"b","place":1}']
    assert Beats.sizes == [3, 1, 1, 1]
    assert IdempotencyKey.objects.count() == 2


def test_a_wrong_number_of_rows_is_a_defect_and_nothing_is_committed() -> None:
    class OneTooMany(Beats):
        def store(self) -> list[Statement]:
            return [Statement(each.sql, each.params, rows=(each.rows or 0) + 1) for each in super().store()]

    before = Heartbeat.objects.get(name="a").at
    (outcome,) = together(beat("a"), command=Command(batch=OneTooMany, render=str))

    assert outcome.code == "INTERNAL_ERROR"
    assert Heartbeat.objects.get(name="a").at == before
    with pytest.raises(DataError, match="1 rows instead of 2"):
        run_alone(Command(batch=OneTooMany, render=str), beat("a"))


@contextmanager
def held(name: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction of somebody else that has locked a row."""
    with own_connection() as other:
        other.execute("SELECT 1 FROM core_heartbeat WHERE name = %s FOR UPDATE", [name])
        yield other
        other.rollback()


def test_what_somebody_else_has_locked_goes_to_the_ordinary_endpoint_and_delays_nobody() -> None:
    watch = Counting()
    with held("b"):
        outcomes = together(beat("a"), beat("b"), beat("c"), watch=watch)

    assert words(outcomes) == ['{"name":"a","place":1}', LATER, '{"name":"c","place":2}']
    assert watch.later == 1


def test_while_the_ordinary_endpoint_has_a_request_its_callers_next_one_waits() -> None:
    me, order = new_id(), []

    async def work(batcher: Batcher[Any]) -> None:
        async def slowly() -> str:
            await asyncio.sleep(0.1)
            order.append("later")
            return LATER

        async def next_one() -> None:
            await asyncio.sleep(0.03)
            await batcher.run(beat("a", caller=me), ordinary)
            order.append("next")

        await asyncio.gather(batcher.run(beat("b", caller=me), slowly), next_one())

    with held("b"):
        batched(work)

    assert order == ["later", "next"]


def test_a_lock_that_a_batch_must_wait_for_sends_everybody_to_the_ordinary_endpoint() -> None:
    class Waits(Beats):
        def store(self) -> list[Statement]:
            return [Statement("LOCK TABLE core_heartbeat IN ACCESS EXCLUSIVE MODE"), *super().store()]

    with held("d"):
        outcomes = together(beat("a"), beat("b"), command=Command(batch=Waits, render=str))

    assert words(outcomes) == [LATER, LATER]
    assert IdempotencyKey.objects.count() == 0


def raising(sqlstate: str, times: int) -> Command[str]:
    """A command whose first transactions end with this error."""
    left = [times]

    class Raising(Beats):
        def store(self) -> list[Statement]:
            left[0] -= 1
            wrong = f"DO $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '{sqlstate}'; END $$"
            return [*super().store(), *([Statement(wrong)] if left[0] >= 0 else [])]

    return Command(batch=Raising, render=lambda result: result)


@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
def test_a_deadlock_or_serialization_failure_runs_the_batch_again(sqlstate: str) -> None:
    outcomes = together(beat("a"), beat("b"), command=raising(sqlstate, 2))

    assert words(outcomes) == ['{"name":"a","place":1}', '{"name":"b","place":2}']
    assert Beats.sizes == [2, 2, 2]


def test_a_key_that_was_taken_meanwhile_is_found() -> None:
    """Somebody inserts it between the look-up and the store: each runs again, alone."""
    taken = beat("a")

    class Raced(Beats):
        def store(self) -> list[Statement]:
            if len(Beats.sizes) == 1:
                with own_connection() as other:
                    other.execute(
                        "INSERT INTO core_idempotencykey (id, caller, operation, key, fingerprint, status, body)"
                        " VALUES (gen_random_uuid(), %s, %s, %s, %s, 200, 'first')",
                        [taken.caller_id, self.operation, taken.key, taken.fingerprint],
                    )
            return list(super().store())

    outcomes = together(taken, beat("b"), command=Command(batch=Raced, render=lambda result: result))

    assert [(each.body, each.replayed) for each in outcomes] == [(b"first", True), (b'{"name":"b","place":1}', False)]
    assert Beats.sizes == [2, 1, 1]


def test_a_connection_that_was_lost_while_it_was_idle_is_replaced_and_nobody_notices() -> None:
    watch = Counting()

    async def work(batcher: Batcher[Any]) -> list[Any]:
        first = await batcher.run(beat("a"), ordinary)
        ended = await asyncio.to_thread(end_connections)
        return [first, ended, await batcher.run(beat("b"), ordinary)]

    first, ended, second = batched(work, watch=watch)

    assert (first.status, ended, second.status) == (200, 1, 200)
    assert watch.losses == 1


def test_a_connection_lost_in_the_second_round_trip_is_unavailable_for_all_and_the_key_tells() -> None:
    class Lost(Beats):
        def store(self) -> list[Statement]:
            cut = Statement("SELECT pg_terminate_backend(pg_backend_pid())")
            return [*super().store(), *([cut] if len(Beats.sizes) == 1 else [])]

    requests = [beat("a"), beat("b")]

    async def work(batcher: Batcher[Any]) -> list[Any]:
        return [await asyncio.gather(*[batcher.run(each, ordinary) for each in requests]) for _ in range(2)]

    lost, again = batched(work, command=Command(batch=Lost, render=lambda result: result))

    assert words(lost) == ["LEDGER_UNAVAILABLE"] * 2
    assert lost[0].retry_after_s == 5
    assert words(again) == ['{"name":"a","place":1}', '{"name":"b","place":2}']


def test_a_database_that_is_away_opens_the_breaker_and_is_tried_again() -> None:
    """Five batches in a row do not reach it; then nobody waits for it until the trial."""
    reset_breaker()
    tries: list[bool] = []

    async def away() -> Any:
        tries.append(True)
        raise psycopg.OperationalError("connection refused")

    async def work(batcher: Batcher[Any]) -> list[Any]:
        return [await batcher.run(beat("a"), ordinary) for _ in range(8)]

    try:
        outcomes = batched(work, connect=away, guard=guarding)
        assert breaker_state() == "open"
    finally:
        reset_breaker()

    assert {type(each) for each in outcomes} == {LedgerUnavailable}
    assert len(tries) == 5


def test_too_many_waiting_are_refused_at_once() -> None:
    outcomes = together(*[beat("a") for _ in range(8)], limits=Limits(batch=2, waiting=5))

    assert [type(each) is QueueBusy for each in outcomes] == [False] * 5 + [True] * 3
    assert outcomes[-1].retry_after_s == 1


def test_one_caller_cannot_take_all_the_places() -> None:
    me = new_id()

    outcomes = together(*[beat("a", caller=me) for _ in range(9)], beat("b"), limits=Limits(waiting=9, of_caller=4))

    assert [type(each) is QueueBusy for each in outcomes] == [False] * 4 + [True] * 5 + [False]


def test_a_second_connection_works_when_many_wait() -> None:
    watch = Counting()

    outcomes = together(*[beat("a") for _ in range(60)], connections=2, limits=Limits(batch=20), watch=watch)

    assert {each.status for each in outcomes if not isinstance(each, str)} == {200}
    assert sorted(watch.batches) == [20, 20, 20]


def test_what_was_taken_in_is_answered_before_the_end_and_nothing_after_it_is_begun() -> None:
    async def work(batcher: Batcher[Any]) -> list[Any]:
        running = [asyncio.create_task(batcher.run(beat("a"), ordinary)) for _ in range(5)]
        await asyncio.sleep(0)
        await batcher.stop()
        return [*await asyncio.gather(*running), await batcher.run(beat("b"), ordinary)]

    *answered, refused = batched(work, limits=Limits(batch=2))

    assert [each.status for each in answered] == [200] * 5
    assert refused.code == "QUEUE_BUSY"


def test_a_request_whose_client_has_gone_runs_all_the_same() -> None:
    me = new_id()

    async def work(batcher: Batcher[Any]) -> Any:
        gone = asyncio.create_task(batcher.run(beat("a", caller=me, key="of-somebody-gone"), ordinary))
        await asyncio.sleep(0)
        gone.cancel()
        return await batcher.run(beat("b", caller=me), ordinary)

    assert batched(work).status == 200
    assert IdempotencyKey.objects.filter(caller=me, key="of-somebody-gone").exists()


def test_values_are_those_of_djangos_connection() -> None:
    sql = """SELECT '{"a": 1}'::jsonb, timestamptz '2026-01-02 03:04:05.678+02', 1.50::numeric, ARRAY[1, 2]::bigint[],
                    date '2026-01-02', interval '1 hour', 'ä'::text, true, 5::smallint"""

    async def read() -> list[Any]:
        pipeline = pipelines.Pipeline(int, int)
        try:
            return await pipeline._trip([Statement(sql)], Pipelined.read)
        finally:
            await pipeline.close()

    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert asyncio.run(read()) == [cursor.fetchall()]


def end_connections() -> int:
    """End the batchers' connections; return how many there were."""
    sql = (
        "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity"
        " WHERE application_name = 'commands' AND datname = current_database()"
    )
    with own_connection() as other:
        (row,) = other.execute(sql).fetchall()
    return int(row[0])


@contextmanager
def own_connection() -> Iterator[psycopg.Connection[Any]]:
    parameters = {k: v for k, v in connection.get_connection_params().items() if k not in ("context", "cursor_factory")}
    with psycopg.connect(**parameters) as other:
        yield other


def test_whoever_watches_gets_every_outcome_but_of_what_is_left_out() -> None:
    class Outcomes(Watch):
        def __init__(self) -> None:
            self.seen: list[Any] = []

        def answered(self, outcomes: Sequence[Any]) -> None:
            self.seen += outcomes

    watch = Outcomes()
    with held("d"):
        asked = [beat(name) for name in ("a", "nobody", "d", "b")]
        outcomes = together(*asked, watch=watch, limits=Limits(waiting=3))

    assert words(outcomes) == ['{"name":"a","place":1}', "VALIDATION_FAILED", LATER, "QUEUE_BUSY"]
    assert sorted(words(watch.seen)) == sorted(each for each in words(outcomes) if each != LATER)
