"""Which rows the poller fetches: those that somebody listens to, however many there are."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import connection

from core.ids import new_id
from live import poller
from live.feed import Channel
from live.hub import Hub, Limits
from live.outbox import Outbox
from live.poller import NEXT, Poller
from live.services import Event, emit
from live.tests.harness import committed, insert, settled, writer

pytestmark = pytest.mark.django_db(transaction=True)
ALICE, RUBY = Channel("person", new_id()), Channel("room", new_id())
SPIN, CHANGED = "slots.spin", "queue.changed"
Story = Callable[[Poller], Awaitable[None]]


def play(story: Story, **limits: Any) -> None:
    async def run() -> None:
        outbox = Outbox()
        await outbox.open()
        try:
            reading = Poller(Hub(Limits(**limits)), outbox)
            await reading.start()
            await story(reading)
        finally:
            await outbox.close()

    asyncio.run(run())


def unheard(count: int) -> list[Event]:
    return [Event(SPIN, {}, recipient_id=new_id()) for _ in range(count)]


def test_of_a_thousand_rows_only_those_of_open_streams_are_fetched() -> None:
    async def story(reading: Poller) -> None:
        await settled(
            *unheard(998), Event(CHANGED, {}, room_id=RUBY.id), Event(SPIN, {}, recipient_id=ALICE.id), *unheard(1)
        )

        read = await reading.read([ALICE, RUBY])

        assert [(row.room, row.recipient) for row in read.rows] == [(RUBY.id, None), (None, ALICE.id)]

    play(story)


def test_without_a_stream_nothing_is_fetched_and_the_position_moves_on() -> None:
    async def story(reading: Poller) -> None:
        before = reading.hub.position
        await settled(*unheard(50))

        assert (await reading.read([])).rows == []
        assert await reading.once() is False

        assert reading.hub.position > before

    play(story)


def test_a_stream_that_opens_among_rows_that_nobody_heard_gets_those_after_its_start() -> None:
    async def story(reading: Poller) -> None:
        await settled(Event(SPIN, {"nonce": 0}, recipient_id=ALICE.id), *unheard(10))
        await reading.once()
        stream = reading.hub.subscribe(ALICE, owner=None)
        await settled(*unheard(10), Event(SPIN, {"nonce": 1}, recipient_id=ALICE.id))

        await reading.once()

        sent = await stream.next(within_s=1.0)
        assert sent.count(b"event: ") == 1
        assert b'"nonce": 1' in sent

    play(story)


def test_more_than_one_batch_is_read_at_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "BATCH", 3)

    async def story(reading: Poller) -> None:
        stream = reading.hub.subscribe(ALICE, owner=None)
        for nonce in range(7):
            await settled(*unheard(5), Event(SPIN, {"nonce": nonce}, recipient_id=ALICE.id))

        assert [await reading.once() for _ in range(3)] == [True, True, False]

        sent = (await stream.next(within_s=1.0)).decode()
        assert [f'"nonce": {nonce}}}' in sent for nonce in range(7)] == [True] * 7
        numbers = [line for line in sent.split("\n") if line.startswith("id: ")]
        assert len(numbers) == 7
        assert sorted(numbers, key=lambda line: int(line[4:].split("-")[0])) == numbers

    play(story)


def test_after_a_break_the_range_is_read_in_steps_and_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "MAX_TRANSACTIONS", 4)

    async def story(reading: Poller) -> None:
        stream = reading.hub.subscribe(ALICE, owner=None)
        for number in range(12):
            await settled(*unheard(1), *([Event(SPIN, {}, recipient_id=ALICE.id)] if number % 3 == 0 else []))

        steps = 1
        while await reading.once():
            steps += 1

        assert steps >= 3
        assert (await stream.next(within_s=1.0)).count(b"event: ") == 4

    play(story)


def test_of_a_transaction_that_was_passed_only_what_is_heard_is_fetched_once_it_has_ended() -> None:
    async def story(reading: Poller) -> None:
        stream = reading.hub.subscribe(ALICE, owner=None)
        with writer() as early:
            insert(early, SPIN, recipient=ALICE.id)
            insert(early, SPIN, recipient=new_id())
            await committed(*unheard(1))
            for _ in range(2):
                await reading.once()
            assert reading.hub.position[0] > 0
            early.commit()

        read = await reading.read(reading.hub.begin_read())
        assert [row.recipient for row in read.rows] == [ALICE.id]
        reading.hub.end_read()
        await reading.once()
        await reading.once()

        assert (await stream.next(within_s=1.0)).count(b"event: ") == 1

    play(story, open_s=0.0)


def test_after_a_read_for_a_crowd_the_next_waits_twice_as_long() -> None:
    async def story(reading: Poller) -> None:
        for _ in range(3):
            reading.hub.subscribe(RUBY, owner=None)
        assert reading.pause_s == 0.1
        await committed(Event(CHANGED, {}, room_id=RUBY.id))
        paused: list[float] = []
        while 0.2 not in paused and len(paused) < 500:  # not before other tests' older transactions have ended
            await reading.once()
            paused.append(reading.pause_s)
            await asyncio.sleep(0.01)
        assert set(paused[:-1]) <= {0.1}
        assert paused[-1] == 0.2
        await reading.once()
        assert reading.pause_s == 0.1

    play(story, crowd=2, poll_s=0.1)


def test_the_new_rows_are_found_by_their_order_and_tested_one_by_one() -> None:
    """Also for a table of which nothing is known yet: no scan of the table, and no index of rooms or people."""
    for _ in range(40):
        emit(unheard(50))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(xid)::text::bigint, ARRAY(SELECT pg_snapshot_xip(pg_current_snapshot())::text) FROM live_event"
        )
        newest, passed = cursor.fetchone()  # passed as by a poller: other tests' transactions that are open
        params: dict[str, Any] = {"passed": passed, "xid": str(newest), "id": 0, "bound": str(newest + 9), "batch": 9}
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {NEXT}", {**params, "rooms": "{}", "people": f"{{{ALICE.id}}}"})
        ((found,),) = cursor.fetchall()

    scans = [node for node in _nodes(found[0]["Plan"]) if node.get("Relation Name") == "live_event"]
    assert all(node["Node Type"] in ("Index Scan", "Bitmap Heap Scan") for node in scans)
    assert max(node["Actual Rows"] for node in scans) == 50, "the rows of the newest transaction, not of the table"


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for inner in plan.get("Plans", ()) for node in _nodes(inner))]
