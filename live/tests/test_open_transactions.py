"""Transactions that stay open while others commit: nothing waits for them for long, and nothing of theirs is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from accounts import services as accounts
from accounts.tokens import issue
from live.poller import OpenTransactions
from live.services import Event
from live.tests.harness import QUICK, Connected, Process, committed, insert, running, writer

pytestmark = pytest.mark.django_db(transaction=True)
Story = Callable[[Process], Awaitable[None]]
SPIN, NOTICE = "slots.spin", "queue.item.next_notice"


@dataclass(frozen=True)
class Listener:
    id: UUID
    access: str


@pytest.fixture
def alice() -> Listener:
    user = accounts.create_user(username="alice")
    return Listener(user.pk, issue(user).access)


def play(story: Story, *, open_s: float = 0.0) -> None:
    """Run an events process that passes a transaction after `open_s` seconds: the second time that it sees it."""

    async def run() -> None:
        async with running(replace(QUICK, open_s=open_s)) as process:
            await story(process)

    asyncio.run(run())


def keys(stream: Connected) -> list[str]:
    return [piece.event for piece in stream.received]


def test_a_transaction_that_began_first_and_commits_last_is_waited_for_and_streamed_first(alice: Listener) -> None:
    async def story(process: Process) -> None:
        stream = await process.me(alice.access)
        with writer() as early, writer() as late:
            insert(early, "slots.spin", recipient=alice.id)
            insert(late, "queue.item.next_notice", recipient=alice.id)
            late.commit()
            await process.read_anew()
            assert stream.received == [], "an older transaction is still at work"
            early.commit()

        events = await stream.events(2)
        assert [piece.event for piece in events] == ["slots.spin", "queue.item.next_notice"]
        assert sorted(events, key=lambda piece: int(piece.id.split("-")[0])) == events

    play(story, open_s=3_600.0)


def test_control_reading_after_the_last_id_loses_the_late_commit(alice: Listener) -> None:
    def naive(reader: psycopg.Connection, last: int) -> list[tuple[int, str]]:
        return reader.execute("SELECT id, key FROM live_event WHERE id > %s ORDER BY id", [last]).fetchall()

    with writer() as early, writer() as late, writer() as reader:
        reader.autocommit = True
        insert(early, "slots.spin", recipient=alice.id)
        insert(late, "queue.item.next_notice", recipient=alice.id)
        late.commit()
        first = naive(reader, 0)
        early.commit()
        second = naive(reader, first[-1][0])

    assert [key for _, key in first + second] == ["queue.item.next_notice"], "the twin has lost the spin"


def test_an_open_transaction_of_another_database_holds_nothing_back(alice: Listener) -> None:
    async def story(process: Process) -> None:
        stream = await process.me(alice.access)
        with writer(dbname="postgres") as foreign:
            foreign.execute("SELECT pg_current_xact_id()")
            await committed(Event(SPIN, {}, recipient_id=alice.id))
            await committed(Event(NOTICE, {}, recipient_id=alice.id))

            await stream.events(2)

            assert connection.settings_dict["NAME"] != foreign.info.dbname
            assert foreign.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
            assert keys(stream) == [SPIN, NOTICE]

    play(story)


def test_what_an_open_transaction_commits_late_comes_once_on_an_open_stream(alice: Listener) -> None:
    async def story(process: Process) -> None:
        stream = await process.me(alice.access)
        with writer() as early, writer() as undone:
            insert(early, SPIN, recipient=alice.id)
            insert(undone, SPIN, recipient=alice.id)
            await committed(Event(NOTICE, {}, recipient_id=alice.id))
            await stream.events(1)
            early.commit()
            await stream.events(2)
            undone.rollback()
        await committed(Event("wallet.tokens.credited", {}, recipient_id=alice.id))

        await stream.events(3)

        assert keys(stream) == [NOTICE, SPIN, "wallet.tokens.credited"]
        notice, spin, _ = (int(piece.id.split("-")[0]) for piece in stream.received)
        assert spin < notice, "the id is that of its place"

    play(story)


def test_several_late_commits_come_in_the_order_of_their_places(alice: Listener) -> None:
    async def story(process: Process) -> None:
        stream = await process.me(alice.access)
        with writer() as first, writer() as second:
            insert(first, SPIN, recipient=alice.id)
            insert(second, "escrow.hold.opened", recipient=alice.id)
            await committed(Event(NOTICE, {}, recipient_id=alice.id))
            await stream.events(1)
            second.commit()
            first.commit()
            await stream.events(3)
        await process.read_anew()

        assert keys(stream)[0] == NOTICE
        assert sorted(keys(stream)[1:]) == sorted([SPIN, "escrow.hold.opened"])
        after = await process.me(alice.access, Last_Event_ID=stream.last_id)
        assert [piece.event for piece in await after.events(3)] == [SPIN, "escrow.hold.opened", NOTICE]

    play(story)


def test_what_was_committed_late_while_a_client_was_away_is_in_its_replay(alice: Listener) -> None:
    async def story(process: Process) -> None:
        stream = await process.me(alice.access)
        with writer() as early:
            insert(early, SPIN, recipient=alice.id)
            await committed(Event(NOTICE, {}, recipient_id=alice.id))
            await stream.events(1)
            await stream.leave()
            early.commit()
        await process.read_anew()

        again = await process.me(alice.access, Last_Event_ID=stream.last_id)

        assert [piece.event for piece in await again.events(2)] == [SPIN, NOTICE]
        assert again.received[1].id == stream.received[0].id

    play(story)


def test_a_process_that_starts_while_a_transaction_is_open_misses_nothing_of_it(alice: Listener) -> None:
    last: list[str] = []

    async def first(process: Process) -> None:
        stream = await process.me(alice.access)
        await committed(Event(NOTICE, {}, recipient_id=alice.id))
        await stream.events(1)
        last.append(stream.last_id)

    async def second(process: Process) -> None:
        stream = await process.me(alice.access, Last_Event_ID=last[0])
        await stream.until(lambda self: NOTICE in keys(self))
        early.commit()
        await stream.until(lambda self: SPIN in keys(self))

    with writer() as early:
        insert(early, SPIN, recipient=alice.id)
        play(first)
        play(second)


def test_a_transaction_is_passed_once_it_has_been_open_for_two_seconds() -> None:
    transactions = OpenTransactions(QUICK.open_s)
    transactions.update(["7", "9"], now_s=100.0)
    transactions.update(["7", "9", "12"], now_s=101.0)
    assert transactions.passed == []

    transactions.update(["7", "12"], now_s=102.0)
    assert transactions.passed == ["7"]

    transactions.update(["7", "12"], now_s=103.0)
    assert transactions.passed == ["7", "12"]
    transactions.update([], now_s=103.2)
    assert transactions.passed == []
