"""What a client missed: from the database, whoever listened meanwhile, in order, bounded, and honest about gaps."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from accounts import services as accounts
from accounts.tokens import issue
from core.clock import db_now
from core.db import rows
from core.ids import NIL
from live import services
from live.feed import Channel, Position
from live.hub import Limits, Stream
from live.models import EventRow
from live.outbox import Outbox
from live.replay import MAX_CHANNELS, MISSED, Gathering, Replays
from live.services import Event
from live.tests.harness import QUICK, Connected, Process, committed, insert, running, writer

pytestmark = pytest.mark.django_db(transaction=True)
FAR: Position = (2**62, 0)
SPIN = "slots.spin"


@dataclass(frozen=True)
class Person:
    id: UUID
    access: str

    @property
    def channel(self) -> Channel:
        return Channel("person", self.id)


@pytest.fixture
def alice() -> Person:
    return person("alice")


def person(name: str) -> Person:
    user = accounts.create_user(username=name)
    return Person(user.pk, issue(user).access)


def write(*seconds_ago: int, recipient: UUID) -> list[Position]:
    """Write events of that age, each in a transaction of its own; return their positions."""
    now = db_now()
    for ago in seconds_ago:
        EventRow.objects.create(key=SPIN, variables={}, recipient=recipient, at=now - timedelta(seconds=ago))
    found = rows(
        "SELECT xid::text::bigint AS xid, id FROM live_event WHERE recipient = %s ORDER BY xid, id", [recipient]
    )
    return [(row["xid"], row["id"]) for row in found]


def resumed(channel: Channel, last: Position, *, upto: Position = FAR, **limits: Any) -> tuple[Stream, list[str]]:
    """Resume a stream of this channel that has started at `upto`; return it and the ids that are sent first."""

    async def run() -> tuple[Stream, list[str]]:
        outbox = Outbox()
        await outbox.open()
        try:
            own = replace(Limits(), **limits)
            stream = Stream(channel, None, capacity=own.buffered)
            stream.start(upto)
            await Replays(outbox, own, dict).resume(stream, last)
            sent = (await stream.next(within_s=0.001)).decode().split("\n")
        finally:
            await outbox.close()
        return stream, [line[4:] for line in sent if line.startswith("id: ")]

    return asyncio.run(run())


def ids(*positions: Position) -> list[str]:
    return [f"{xid}-{number}" for xid, number in positions]


def test_what_was_missed_comes_in_order_from_30_seconds_before(alice: Person) -> None:
    _, near, last, after = write(200, 101, 100, 10, recipient=alice.id)

    stream, sent = resumed(alice.channel, last)

    assert sent == ids(near, last, after)
    assert (stream.complete, stream.after) == (True, last)


def test_nothing_of_another_person_or_after_the_streams_own_start_is_replayed(alice: Person) -> None:
    (first,) = write(5, recipient=alice.id)
    write(4, recipient=person("bob").id)
    _, after = write(3, recipient=alice.id)

    stream, sent = resumed(alice.channel, (first[0], first[1] - 1), upto=(after[0], 0))

    assert sent == ids(first)
    assert stream.complete


def test_a_client_that_missed_nothing_goes_on_from_where_the_outbox_is_read(alice: Person) -> None:
    (only,) = write(100, recipient=alice.id)
    write(0, recipient=person("bob").id)

    stream, sent = resumed(Channel("room", alice.id), only, upto=(only[0] + 1, 0))

    assert (sent, stream.complete, stream.after) == ([], True, (only[0] + 1, 0))


def test_a_long_absence_is_replayed_up_to_a_bound(alice: Person) -> None:
    first, *_, before, newest = write(*[5] * 5, recipient=alice.id)

    stream, sent = resumed(alice.channel, first, replayed=2)

    assert not stream.complete
    assert stream.after == (before[0], before[1] - 1), "an answer cut short here is asked for again from here"
    assert sent == ids(before, newest)


def test_of_events_that_are_no_longer_kept_a_stream_is_incomplete(alice: Person) -> None:
    day = 24 * 3_600
    gone, boundary, fresh = write(day + 20, day + 10, 60, recipient=alice.id)
    assert services.prune() == 1

    assert not resumed(alice.channel, gone)[0].complete
    stream, sent = resumed(alice.channel, boundary)
    assert (stream.complete, sent) == (True, ids(boundary, fresh))


def test_while_nothing_was_ever_pruned_everything_is_there(alice: Person) -> None:
    first, second = write(3_600, 1_800, recipient=alice.id)

    stream, sent = resumed(alice.channel, (1, 0))

    assert (stream.complete, sent) == (True, ids(first, second))


def test_a_position_from_a_database_that_was_replaced_starts_anew(alice: Person) -> None:
    (last,) = write(1, recipient=alice.id)

    stream, sent = resumed(alice.channel, (last[0] + 1_000_000, 1), upto=(last[0] + 1, 0))

    assert (sent, stream.complete, stream.after) == ([], False, (last[0] + 1, 0))


def test_a_room_is_replayed_without_what_it_may_not_see(alice: Person) -> None:
    with writer() as link:
        for key in (SPIN, "queue.item.started", "menu.changed"):
            insert(link, key, room=alice.id)
        link.commit()

    _, sent = resumed(Channel("room", alice.id), (1, 0))

    hidden, *shown = rows("SELECT e.xid::text || '-' || e.id AS id FROM live_event e ORDER BY e.id")
    assert sent == [row["id"] for row in shown]
    assert hidden["id"] not in sent


def test_many_that_reconnect_share_statements_and_each_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first read begins at once with one channel; all that ask meanwhile are read together."""
    people = [person(f"p{number}") for number in range(MAX_CHANNELS)]
    positions = {each.id: write(9, 8, recipient=each.id) for each in people}
    statements = 0
    read = Outbox.rows

    async def counted(self: Outbox, sql: str, params: Any = None) -> Any:
        nonlocal statements
        statements += 1
        return await read(self, sql, params)

    monkeypatch.setattr(Outbox, "rows", counted)

    async def run() -> None:
        outbox = Outbox()
        await outbox.open()
        replays = Replays(outbox, Limits(again_s=0.0), dict)
        streams = [Stream(each.channel, None, capacity=9) for each in people for _ in range(10)]
        for stream in streams:
            stream.start(FAR)
        await asyncio.gather(*(replays.resume(stream, positions[stream.channel.id][0]) for stream in streams))
        await outbox.close()
        for stream in streams:
            sent = (await stream.next(within_s=0.001)).decode()
            assert sent.count("event: ") == 2
            assert f"id: {ids(positions[stream.channel.id][1])[0]}\n" in sent

    asyncio.run(run())

    assert statements <= 3


def test_a_client_that_leaves_while_it_waits_ends_the_replay_of_nobody_else(alice: Person) -> None:
    first, _ = write(5, 4, recipient=alice.id)

    async def run() -> None:
        async with AsyncExitStack() as ending:
            outbox = Outbox()
            await outbox.open()
            ending.push_async_callback(outbox.close)
            replays = Replays(outbox, Limits(), dict)
            leaving, staying = (Stream(alice.channel, None, capacity=9) for _ in range(2))
            for stream in (leaving, staying):
                stream.start(FAR)
            left = asyncio.create_task(replays.resume(leaving, first))
            stayed = asyncio.create_task(replays.resume(staying, first))
            await asyncio.sleep(0)
            left.cancel()
            await stayed
            assert (await staying.next(within_s=0.001)).count(b"event: ") == 2

    asyncio.run(run())


def test_events_of_a_channel_that_nobody_listened_to_are_in_the_replay_of_any_process(alice: Person) -> None:
    """Two processes, one stream after the other, and events while neither of them reads this channel."""

    async def story(first: Process, second: Process) -> None:
        before = await first.me(alice.access)
        await committed(Event(SPIN, {"nonce": 0}, recipient_id=alice.id))
        await before.events(1)
        await before.leave()
        await committed(Event(SPIN, {"nonce": 1}, recipient_id=alice.id))
        await first.read_anew()
        await second.read_anew()

        after = await second.me(alice.access, Last_Event_ID=before.last_id)
        await after.events(2)
        await committed(Event(SPIN, {"nonce": 2}, recipient_id=alice.id))

        assert [piece.data["variables"]["nonce"] for piece in await after.events(3)] == [0, 1, 2]

    play_two(story)


def test_two_processes_tell_their_own_listeners_the_same(alice: Person) -> None:
    async def story(first: Process, second: Process) -> None:
        both = [await first.me(alice.access), await second.me(alice.access)]
        with writer() as early:
            insert(early, SPIN, recipient=alice.id)
            await committed(Event("queue.item.next_notice", {}, recipient_id=alice.id))
            await asyncio.gather(*(stream.events(1) for stream in both))
            early.commit()

        for stream in both:
            assert [piece.event for piece in await stream.events(2)] == ["queue.item.next_notice", SPIN]
        assert both[0].received == both[1].received

    play_two(story)


def nonces(stream: Connected) -> list[int]:
    return [piece.data["variables"]["nonce"] for piece in stream.received]


def ends_with(nonce: int) -> Callable[[Connected], bool]:
    return lambda stream: nonces(stream)[-1:] == [nonce]


def play_two(story: Callable[[Process, Process], Awaitable[None]]) -> None:
    async def run() -> None:
        limits = replace(QUICK, open_s=0.0)
        async with running(limits) as first, running(limits) as second:
            await story(first, second)

    asyncio.run(run())


def test_a_stream_that_opens_while_events_are_written_has_all_of_them_from_its_first_block_on(alice: Person) -> None:
    """Channels come and go while a writer never stops: every commit after a stream's first block is in it."""

    async def story() -> None:
        async with running(replace(QUICK, poll_s=0.0)) as process:
            for nonce in range(0, 60, 2):
                stream = await process.me(alice.access)
                await committed(Event(SPIN, {"nonce": nonce}, recipient_id=alice.id))
                await stream.until(ends_with(nonce))
                await stream.leave()
                assert nonces(stream) in ([nonce], [nonce - 1, nonce]), "what had not been read yet may come as well"
                await committed(Event(SPIN, {"nonce": nonce + 1}, recipient_id=alice.id))

    asyncio.run(story())


def test_a_replay_uses_the_index_of_its_audience_and_sorts_no_table() -> None:
    gathering = Gathering()
    gathering.add(Channel("room", NIL), (1, 0), FAR)
    params = Replays(Outbox(), Limits(), dict)._params(gathering)
    with writer() as link:
        for other_way in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            link.execute(f"SET {other_way} = off")
        plan = "\n".join(line for (line,) in link.execute(f"EXPLAIN {MISSED}", params))

    for index in (
        "Backward using live_event_of_room",
        "Backward using live_event_of_recipient",
        "using live_event_in_order",
    ):
        assert f"Index Scan {index}" in plan
    assert "Filter: (recipient" not in plan
    assert plan.count("Sort Key") == 1, "of the answer"
